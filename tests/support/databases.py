"""Databases of a test's own, beside the session's and on the same servers."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import psycopg
import redis
from sqlalchemy import make_url

import domain.database
import projections.database
from api.settings import Settings
from domain.settings import WriteSettings
from projections.settings import ReadSettings
from tasks.settings import QueueSettings

_NUMBERS = count(1)
_REDIS_DATABASES = 15  # beside 0, which is the session's


@contextmanager
def fresh(session: Settings, *, migrated: bool = True) -> Iterator[Settings]:
    """Yield settings for an empty pair of databases and an empty Redis database; all three are gone afterwards."""
    number = next(_NUMBERS)
    names = (f"test_{number}_write", f"test_{number}_read")
    write_url, read_url = (_renamed(session.write.database_url, name) for name in names)
    redis_url = session.queue.redis_url.replace("db=0", f"db={1 + number % _REDIS_DATABASES}")
    with psycopg.connect(session.write.database_url, autocommit=True) as connection:
        for name in names:
            connection.execute(f"create database {name}".encode())
        try:
            if migrated:
                domain.database.migrate(write_url)
                projections.database.migrate(read_url)
            yield Settings(
                write=WriteSettings(database_url=write_url),
                read=ReadSettings(database_url=read_url),
                queue=QueueSettings(redis_url=redis_url),
                auth=session.auth,
            )
        finally:
            for name in names:
                connection.execute(f"drop database {name} with (force)".encode())
            with redis.Redis.from_url(redis_url) as client:
                client.flushdb()


def _renamed(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)
