"""The read store as queries see it: statements, each a transaction of its own, and the rows that they find."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Self

import asyncpg
from sqlalchemy.engine import make_url

from domain.database import LOST, PoolUse
from projections.projection import Row
from projections.read_pool import ReadPool, UnreachableError
from projections.statements import Statement, Text

_WHICH = "which_of_these"
_PARAMETER = re.compile(r"\$(\d+)")


class TooSlowError(Exception):
    """A statement took longer than it may."""


class PartialRow(Row):
    """A row of which only the columns that are shown were read; all others are None, and not looked at."""

    def __missing__(self, _: str) -> None:
        return None


class Reads:
    """The read store, over connections that are made as queries come, in the event loop in which it is entered."""

    def __init__(self, url: str, *, connections: int = 16) -> None:
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._connections = connections
        self.when_lost: list[Callable[[], None]] = []
        """Called when a connection has ended, for whatever reason."""

    async def __aenter__(self) -> Self:
        self._pool = ReadPool(self._url, connections=self._connections, when_lost=self._lost)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    def use(self) -> PoolUse:
        return self._pool.use()

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
                try:
                    return await self._pool.fetch(sql, list(arguments))
                except ValueError:  # an argument that is none: asyncpg has this among what follows
                    raise
                except (*LOST, asyncpg.AdminShutdownError):
                    continue
        except asyncpg.QueryCanceledError as error:
            raise TooSlowError from error
        except asyncpg.OperatorInterventionError as error:
            raise UnreachableError from error
        raise UnreachableError

    def _lost(self) -> None:
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
