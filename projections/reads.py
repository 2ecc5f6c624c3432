"""The read store as queries see it: statements that are prepared once a connection, each a transaction of its own."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeVar

import asyncpg
import orjson
from sqlalchemy.engine import make_url

from domain.database import LOST
from projections.projection import Row
from projections.statements import Statement, Text

_CONNECT_SECONDS = 5
_WHICH = "which_of_these"
_PARAMETER = re.compile(r"\$(\d+)")
Outcome = TypeVar("Outcome")


class UnreachableError(Exception):
    """The read store does not answer."""


class TooSlowError(Exception):
    """A statement took longer than it may."""


class PartialRow(Row):
    """A row of which only the columns that are shown were read; all others are None, and not looked at."""

    def __missing__(self, _: str) -> None:
        return None


class Reads:
    """A pool of read-only connections, made as queries come. It belongs to the event loop in which it is entered.

    Statements are planned for the very values they are sent with: which index is best depends on how rare a status, a
    word or a span of time is, and a plan for any value is the wrong one for some.
    """

    def __init__(self, url: str, *, connections: int = 16) -> None:
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._connections = connections
        self.when_lost: list[Callable[[], None]] = []
        """Called when a connection has ended, for whatever reason."""

    async def __aenter__(self) -> Self:
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self._connections,
            timeout=_CONNECT_SECONDS,
            max_cached_statement_lifetime=0,  # the texts of statements are few
            init=self._prepare,
            reset=_keep_as_it_is,
            server_settings={
                "application_name": "tandem-queries",
                "default_transaction_read_only": "on",
                "plan_cache_mode": "force_custom_plan",
                "jit": "off",  # what it compiles takes longer than any of these statements
                "statement_timeout": "5000",
                "timezone": "UTC",
            },
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    async def records(self, statement: Statement) -> list[asyncpg.Record]:
        """Return the rows of a statement, as they can be taken apart by place."""
        return await self._fetch(statement.text.sql, statement.arguments)

    async def all(self, statement: Statement) -> list[Row]:
        return [PartialRow(record) for record in await self.records(statement)]

    async def one(self, statement: Statement) -> Row | None:
        return next(iter(await self.all(statement)), None)

    async def all_of(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Return the rows of each of these statements; those that have the same text are sent as one."""
        alike: defaultdict[Text, list[int]] = defaultdict(list)
        for place, statement in enumerate(statements):
            alike[statement.text].append(place)
        found: list[list[Row]] = [[] for _ in statements]
        for places in alike.values():
            together, arguments = _joined([statements[place] for place in places])
            for record in await self._fetch(together, arguments):
                which, *_ = record
                row = PartialRow(record)
                del row[_WHICH]
                found[places[which]].append(row)
        return found

    async def _fetch(self, sql: str, arguments: Sequence[Any]) -> list[asyncpg.Record]:
        """Send a statement; once more on another connection where one was lost, since it changes nothing."""
        try:
            for _ in range(self._connections):
                async with self._pool.acquire(timeout=_CONNECT_SECONDS) as connection:
                    try:
                        found: list[asyncpg.Record] = await connection.fetch(sql, *arguments)
                    except ValueError:  # an argument fits no parameter: asyncpg has this among those
                        raise
                    except LOST:
                        connection.terminate()
                    else:
                        return found
        except asyncpg.QueryCanceledError as error:
            raise TooSlowError from error
        except (*LOST, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError, TimeoutError) as error:
            raise UnreachableError from error
        raise UnreachableError

    async def _prepare(self, connection: Any) -> None:
        connection.add_termination_listener(self._ended)
        await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_text, decoder=orjson.loads)

    def _ended(self, _: object) -> None:
        for tell in self.when_lost:
            tell()


def _joined(statements: Sequence[Statement]) -> tuple[str, list[Any]]:
    """Return statements of one text as one, whose rows tell first which of them they are of."""
    parts: list[str] = []
    arguments: list[Any] = []
    for which, statement in enumerate(statements):
        sql = _PARAMETER.sub(_moved_by(len(arguments)), statement.text.sql)
        parts.append(f"select {which} as {_WHICH}, rows.* from ({sql}) as rows")  # noqa: S608 - our own statements
        arguments += statement.arguments
    return " union all ".join(parts), arguments


def _moved_by(places: int) -> Callable[[re.Match[str]], str]:
    return lambda parameter: f"${int(parameter[1]) + places}"


async def _keep_as_it_is(_: object) -> None:
    """Spare the round trip that would reset a connection: queries change nothing of it."""


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()
