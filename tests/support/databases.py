"""Databases of a test's own, beside the session's and on the same servers."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
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
_STORES = ("write", "read")
_REDIS_DATABASES = 15  # beside 0, which is the session's


@contextmanager
def fresh(session: Settings, *, migrated: bool = True) -> Iterator[Settings]:
    """Yield settings for an empty pair of databases and an empty Redis database; all three are gone afterwards."""
    number = next(_NUMBERS)
    write_url, read_url = (_renamed(session.write.database_url, f"test_{number}_{store}") for store in _STORES)
    redis_url = session.queue.redis_url.replace("db=0", f"db={1 + number % _REDIS_DATABASES}")
    templates = _migrated(session.write.database_url) if migrated else ("template1", "template1")
    with psycopg.connect(session.write.database_url, autocommit=True) as connection:
        for store, template in zip(_STORES, templates, strict=True):
            connection.execute(f"create database test_{number}_{store} template {template}".encode())
        try:
            yield Settings(
                write=WriteSettings(database_url=write_url),
                read=ReadSettings(database_url=read_url),
                queue=QueueSettings(redis_url=redis_url),
                auth=session.auth,
            )
        finally:
            for store in _STORES:
                connection.execute(f"drop database test_{number}_{store} with (force)".encode())
            with redis.Redis.from_url(redis_url) as client:
                client.flushdb()


@cache
def _migrated(url: str) -> tuple[str, str]:
    """Migrate a pair of databases beside this one, once; return their names, as templates of others."""
    with psycopg.connect(url, autocommit=True) as connection:
        for store in _STORES:
            connection.execute(f"create database migrated_{store}".encode())
    domain.database.migrate(_renamed(url, "migrated_write"))
    projections.database.migrate(_renamed(url, "migrated_read"))
    return ("migrated_write", "migrated_read")


def _renamed(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)
