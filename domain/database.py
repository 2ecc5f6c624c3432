"""Connections to the write store.

Commands hold the lock of a log head until they commit, so every connection they use gives up soon.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import asyncpg
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from domain import schema
from domain.statements import Connection

MIGRATIONS = Path(__file__).parent / "migrations"

# Milliseconds. A command that waits longer than these would hold up its whole partition.
COMMAND_LIMITS = {
    "lock_timeout": "2000",
    "statement_timeout": "5000",
    "idle_in_transaction_session_timeout": "10000",
    "synchronous_commit": "on",
    "plan_cache_mode": "force_generic_plan",
    "timezone": "UTC",
}
_CONNECT_SECONDS = 5
# What asyncpg raises where a connection is gone, or was never made.
LOST = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolUse:
    """How many connections of a pool are there, and how many there may be."""

    in_use: int
    idle: int
    most: int


class CommandPool:
    """Connections for commands, made as commands come. It belongs to the event loop in which it is entered."""

    def __init__(self, url: str, *, connections: int = 16) -> None:
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._connections = connections

    async def __aenter__(self) -> Self:
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self._connections,
            timeout=_CONNECT_SECONDS,
            max_cached_statement_lifetime=0,  # statements are constants, prepared once a connection
            reset=_keep_as_it_is,
            server_settings={**COMMAND_LIMITS, "application_name": "tandem-commands"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._pool.close()

    def use(self) -> PoolUse:
        idle = self._pool.get_idle_size()
        return PoolUse(in_use=self._pool.get_size() - idle, idle=idle, most=self._connections)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Yield a connection in a transaction, which commits at the end, or rolls back if anything is raised."""
        raw, work = await self._begin()
        try:
            yield Connection(raw)
        except BaseException:
            with suppress(*LOST):  # then there is nothing to roll back any longer
                await work.rollback()
            raise
        else:
            await work.commit()
        finally:
            await self._pool.release(raw)

    async def _begin(self) -> tuple[Any, Any]:
        """Begin a transaction, on another connection where one was lost while nobody used it."""
        for _ in range(self._connections):
            raw = await self._pool.acquire(timeout=_CONNECT_SECONDS)
            work = raw.transaction()
            try:
                await work.start()
            except LOST:
                raw.terminate()
                await self._pool.release(raw)
            except BaseException:
                await self._pool.release(raw)
                raise
            else:
                return raw, work
        raise ConnectionError("the write store ends every connection")


async def _keep_as_it_is(_: object) -> None:
    """Spare the round trip that would reset a connection: commands change nothing of it but their transaction."""


def log_engine(url: str, *, pre_ping: bool = True) -> Engine:
    """Return an engine to read the log with; each statement is a transaction of its own, so nothing is held open.

    `pre_ping` spares its user the errors of connections that were lost while nobody used them, for a round trip each.
    """
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        hide_parameters=True,  # errors are logged, and logs are no place for a person's data
        isolation_level="AUTOCOMMIT",
        pool_size=4,
        pool_pre_ping=pre_ping,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "tandem-log",
            "options": "-c statement_timeout=10000 -c timezone=UTC -c default_transaction_read_only=on",
        },
    )


def maintenance_engine(url: str) -> Engine:
    """Return an engine to tidy up with: each statement is a transaction of its own, and keeps no command waiting long.

    It keeps no connection, since what it is for comes once an hour.
    """
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        hide_parameters=True,  # errors are logged, and logs are no place for a person's data
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "tandem-maintenance",
            "options": "-c lock_timeout=1000 -c statement_timeout=5000 -c timezone=UTC",
        },
    )


def migrate(url: str) -> list[str]:
    """Bring the write store to the newest schema; return the revisions that were applied, oldest first."""
    return schema.upgrade(url, MIGRATIONS)


def schema_is_current(url: str) -> bool:
    """Return whether the write store is there and migrated; raise SQLAlchemyError where it cannot be reached."""
    with schema.engine(url).connect() as connection:
        return is_migrated(connection)


def is_migrated(connection: SyncConnection) -> bool:
    return schema.at_head(connection, MIGRATIONS)
