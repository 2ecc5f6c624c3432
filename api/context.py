"""What every resolver is given: who asks, and the two sides of the service."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import strawberry
from graphql.pyutils import Path
from sqlalchemy import CompoundSelect, Select, literal, union_all
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from strawberry.dataloader import DataLoader

from api.auth import Principal
from api.consistency import Consistency, Token
from api.errors import TooSlow, Unavailable
from api.history import History
from api.live import Live
from api.scalars import ConsistencyToken
from domain.bus import Bus
from domain.database import log_engine
from projections import lag
from projections.database import projection_engine
from projections.lag import Standing
from projections.projection import Projection, Row


class PartialRow(Row):
    """A row of which only the columns that are shown were read; all others are None, and not looked at."""

    def __missing__(self, _: str) -> None:
        return None


_MOST_AT_ONCE = 100
_WHICH = "which_of_these"


@dataclass(frozen=True, slots=True)
class Reads:
    """The read store, one statement at a time, each on a connection of its own."""

    engine: AsyncEngine

    async def all(self, statement: Select[Any] | CompoundSelect[Any]) -> list[Row]:
        """Return the rows of a statement; raise Unavailable or TooSlow where there is no answer in time."""
        async with aclosing(await self._connected()) as connection:
            try:
                found = await connection.execute(statement)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) == asyncpg.QueryCanceledError.sqlstate:
                    raise TooSlow from error
                if error.connection_invalidated:
                    raise Unavailable from error
                raise
        columns = tuple(found.keys())
        return [PartialRow(zip(columns, values, strict=True)) for values in found]

    async def _connected(self) -> AsyncConnection:
        try:
            return await self.engine.connect()
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise Unavailable from error

    async def one(self, statement: Select[Any]) -> Row | None:
        return next(iter(await self.all(statement)), None)

    async def all_of(self, statements: Sequence[Select[Any]]) -> list[list[Row]]:
        """Return the rows of each of these statements; those that have the same columns are sent as one."""
        alike: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for place, statement in enumerate(statements):
            alike[tuple(statement.selected_columns.keys())].append(place)
        found: list[list[Row]] = [[] for _ in statements]
        for places in alike.values():
            marked = [statements[place].add_columns(literal(place).label(_WHICH)) for place in places]
            for row in await self.all(union_all(*marked) if len(marked) > 1 else marked[0]):
                found[row.pop(_WHICH)].append(row)
        return found


@dataclass(slots=True)
class Resume:
    """The token with which a subscription goes on behind what it sent last."""

    token: Token | None = None


class Standings:
    """How projections are doing, asked of both stores by a thread, since these engines block."""

    def __init__(self, *, write_url: str, read_url: str) -> None:
        self._log = log_engine(write_url)
        self._read = projection_engine(read_url)

    async def all(self) -> list[Standing]:
        return await asyncio.to_thread(lag.standings, log=self._log, read=self._read)

    def close(self) -> None:
        self._log.dispose()
        self._read.dispose()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    principal: Principal
    correlation_id: str
    bus: Bus
    reads: Reads
    consistency: Consistency
    standings: Standings
    live: Live
    history: History
    resume: Resume = field(default_factory=Resume)
    shown: set[str] = field(default_factory=set)
    """The read tables that the answer shows."""
    together: DataLoader[Select[Any], list[Row]] = field(init=False)
    """Reads that each row of a list asks for, all of them as one statement."""

    def __post_init__(self) -> None:
        loader = DataLoader(self.reads.all_of, cache=False, max_batch_size=_MOST_AT_ONCE)
        object.__setattr__(self, "together", loader)

    def shows(self, projection: Projection) -> None:
        self.shown.add(projection.name)

    async def caught_up(self, projection: Projection, token: ConsistencyToken | None) -> None:
        """Return once the projection has passed the token's place; raise StaleRead after two seconds."""
        self.shows(projection)
        if token is not None:
            await self.consistency.require(projection.name, Token.parse(token))


Info = strawberry.Info[Context, None]


async def rows(info: Info, statement: Select[Any]) -> list[Row]:
    """Return the rows of a statement; what every item of a list asks for is asked for together."""
    at: Path | None = info.path
    while at is not None:
        if isinstance(at.key, int):
            return await info.context.together.load(statement)
        at = at.prev
    return await info.context.reads.all(statement)
