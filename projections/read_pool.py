"""Connections to the read store for queries: read-only, each with its prepared statements, used one query at a time.

It does less than asyncpg's own pool, whose ways of taking and giving back cost as much as a small query: it resets
nothing, since a query changes nothing of a connection, and gives up one whose query was cut short.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson

from domain.database import PoolUse

_SECONDS = 5
_CLOSE_SECONDS = 1
# Plans are made for the very values that are sent: which index is best depends on how rare a status, a word or a span
# of time is, and a plan for any value is the wrong one for some.
SETTINGS = {
    "application_name": "tandem-queries",
    "default_transaction_read_only": "on",
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",  # what it compiles takes longer than any of these statements
    "statement_timeout": "5000",
    "timezone": "UTC",
}


class UnreachableError(Exception):
    """The read store does not answer."""


class ReadPool:
    def __init__(self, url: str, *, connections: int, when_lost: Callable[[], None]) -> None:
        """`when_lost` is called whenever a connection has ended, for whatever reason."""
        self._url = url
        self._connections = connections
        self._room = asyncio.Semaphore(connections)
        self._idle: list[Any] = []
        self._open: set[Any] = set()
        self._when_lost = when_lost

    async def fetch(self, sql: str, arguments: list[Any]) -> list[Any]:
        """Return the rows of a statement; raise UnreachableError where there is no connection within five seconds."""
        async with self._free() as connection:
            try:
                rows: list[Any] = await connection.fetch(sql, *arguments)
            except BaseException as error:
                if not isinstance(error, asyncpg.PostgresError):  # nobody knows what it is at now
                    connection.terminate()
                raise
        return rows

    def use(self) -> PoolUse:
        return PoolUse(in_use=len(self._open) - len(self._idle), idle=len(self._idle), most=self._connections)

    async def close(self) -> None:
        for connection in tuple(self._open):
            try:
                await connection.close(timeout=_CLOSE_SECONDS)
            except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError):
                connection.terminate()

    @asynccontextmanager
    async def _free(self) -> AsyncIterator[Any]:
        if self._room.locked():
            await self._wait()
        else:
            await self._room.acquire()
        try:
            connection = self._idle.pop() if self._idle else await self._connected()
            try:
                yield connection
            finally:
                if not connection.is_closed():
                    self._idle.append(connection)
        finally:
            self._room.release()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                await self._room.acquire()
        except TimeoutError as error:
            raise UnreachableError from error

    async def _connected(self) -> Any:
        try:
            return await self._connect()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise UnreachableError from error

    async def _connect(self) -> Any:
        connection = await asyncpg.connect(
            self._url,
            timeout=_SECONDS,
            max_cached_statement_lifetime=0,  # the texts of statements are few
            server_settings=SETTINGS,
        )
        self._open.add(connection)
        connection.add_termination_listener(self._ended)
        try:
            await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_text, decoder=orjson.loads)
        except BaseException:  # whoever asked may have gone: nobody else would ever close it
            connection.terminate()
            raise
        return connection

    def _ended(self, connection: Any) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._when_lost()


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()
