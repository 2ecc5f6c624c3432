"""What every resolver is given: who asks, and the two sides of the service."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import strawberry
from graphql.pyutils import Path
from strawberry.dataloader import DataLoader

from api.auth import Principal
from api.consistency import Consistency, Token
from api.counts import Counts
from api.history import History
from api.live import Live
from domain.bus import Bus
from domain.database import log_engine
from projections import lag, quarantine
from projections.database import projection_engine
from projections.lag import Standing
from projections.projection import Projection, Row
from projections.quarantine import Quarantined
from projections.reads import Reads
from projections.statements import Statement

_MOST_AT_ONCE = 100


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

    async def set_aside(self, most: int) -> list[Quarantined]:
        """Return streams that are set aside, the longest first."""

        def look() -> list[Quarantined]:
            with self._read.connect() as connection:
                return quarantine.everything(connection, most=most)

        return await asyncio.to_thread(look)

    def close(self) -> None:
        self._log.dispose()
        self._read.dispose()


@dataclass(frozen=True, kw_only=True)
class Context:
    principal: Principal
    bus: Bus
    reads: Reads
    consistency: Consistency
    standings: Standings
    live: Live
    history: History
    counts: Counts
    resume: Resume = field(default_factory=Resume)
    shown: set[str] = field(default_factory=set)
    """The read tables that the answer shows."""

    @cached_property
    def together(self) -> DataLoader[Statement, list[Row]]:
        """Reads what each row of a list asks for, all of it by one statement."""
        return DataLoader(self.reads.all_of, cache=False, max_batch_size=_MOST_AT_ONCE)

    def shows(self, projection: Projection) -> None:
        self.shown.add(projection.name)


Info = strawberry.Info[Context, None]


async def rows(info: Info, statement: Statement) -> Sequence[Row]:
    """Return the rows of a statement; what every item of a list asks for is asked for together."""
    at: Path | None = info.path
    while at is not None:
        if isinstance(at.key, int):
            return await info.context.together.load(statement)
        at = at.prev
    return await info.context.reads.records(statement)
