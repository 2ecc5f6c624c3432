"""What every resolver is given: who asks, and the two sides of the service."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import strawberry
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth import Principal
from api.consistency import Consistency, Token
from api.live import Live
from api.scalars import ConsistencyToken
from domain.bus import Bus
from domain.database import log_engine
from projections import lag
from projections.database import projection_engine
from projections.lag import Standing
from projections.projection import Projection, Row


@dataclass(frozen=True, slots=True)
class Reads:
    """The read store, one statement at a time, each on a connection of its own."""

    engine: AsyncEngine

    async def all(self, statement: Select[Any]) -> list[Row]:
        async with self.engine.connect() as connection:
            found = await connection.execute(statement)
        columns = tuple(found.keys())
        return [dict(zip(columns, values, strict=True)) for values in found]

    async def one(self, statement: Select[Any]) -> Row | None:
        return next(iter(await self.all(statement)), None)


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
    resume: Resume = field(default_factory=Resume)
    shown: set[str] = field(default_factory=set)
    """The read tables that the answer shows."""

    def shows(self, projection: Projection) -> None:
        self.shown.add(projection.name)

    async def caught_up(self, projection: Projection, token: ConsistencyToken | None) -> None:
        """Return once the projection has passed the token's place; raise StaleRead after two seconds."""
        self.shows(projection)
        if token is not None:
            await self.consistency.require(projection.name, Token.parse(token))


Info = strawberry.Info[Context, None]
