"""Databases of a test's own, beside the session's and on the same servers."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Self

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
_SCHEMA = """
    select table_name, column_name, data_type, is_nullable, column_default
    from information_schema.columns where table_schema = 'public' order by 1, 2
"""


@dataclass(frozen=True, kw_only=True)
class _Store:
    """A database, with what is in it before any test has used it."""

    url: str
    schema: list[Any]
    rows: dict[str, bytes]

    @classmethod
    def noted(cls, url: str) -> Self:
        with psycopg.connect(url) as connection:
            tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
            rows = {}
            for (table,) in tables:
                with connection.cursor().copy(f"copy {table} to stdout".encode()) as copy:
                    rows[table] = b"".join(copy)
            return cls(url=url, schema=connection.execute(_SCHEMA).fetchall(), rows=rows)

    def restored(self) -> bool:
        """Put everything back as it was; return False where somebody has changed the schema."""
        with psycopg.connect(self.url) as connection:
            connection.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
            connection.execute(f"truncate {', '.join(self.rows)}".encode())
            for table, rows in self.rows.items():
                with connection.cursor().copy(f"copy {table} from stdin".encode()) as copy:
                    copy.write(rows)
            for (sequence,) in connection.execute("select sequencename from pg_sequences where schemaname = 'public'"):
                connection.execute(f"alter sequence {sequence} restart".encode())
            return connection.execute(_SCHEMA).fetchall() == self.schema


_idle: list[tuple[_Store, _Store]] = []


@contextmanager
def fresh(session: Settings, *, migrated: bool = True) -> Iterator[Settings]:
    """Yield settings for a pair of databases and a Redis database as they are before their first use.

    Migrated pairs are used again and again: PostgreSQL takes longer to make one than most tests to run.
    """
    number = next(_NUMBERS)
    redis_url = session.queue.redis_url.replace("db=0", f"db={1 + number % _REDIS_DATABASES}")
    with ExitStack() as stack:
        if not migrated:
            write_url, read_url = (stack.enter_context(_passing(session, number, store)) for store in ("write", "read"))
        else:
            pair = _idle.pop() if _idle else _migrated(session, number)
            write_url, read_url = (store.url for store in pair)
            stack.callback(_put_back, pair)
        client = stack.enter_context(closing(redis.Redis.from_url(redis_url)))
        stack.callback(client.flushdb)
        yield Settings(
            write=WriteSettings(database_url=write_url),
            read=ReadSettings(database_url=read_url),
            queue=QueueSettings(redis_url=redis_url),
            auth=session.auth,
        )


def _migrated(session: Settings, number: int) -> tuple[_Store, _Store]:
    write_url, read_url = (_create(session, f"test_{number}_{store}") for store in ("write", "read"))
    domain.database.migrate(write_url)
    projections.database.migrate(read_url)
    return _Store.noted(write_url), _Store.noted(read_url)


def _put_back(pair: tuple[_Store, _Store]) -> None:
    if all(store.restored() for store in pair):
        _idle.append(pair)


@contextmanager
def _passing(session: Settings, number: int, store: str) -> Iterator[str]:
    name = f"test_{number}_{store}"
    yield _create(session, name)
    with psycopg.connect(session.write.database_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)".encode())


def _create(session: Settings, name: str) -> str:
    with psycopg.connect(session.write.database_url, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    return make_url(session.write.database_url).set(database=name).render_as_string(hide_password=False)
