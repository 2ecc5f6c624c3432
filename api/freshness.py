"""How far behind the log each read table is, from one look a second that all requests share."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Self, TypedDict

from sqlalchemy.exc import SQLAlchemyError

from domain import event_log
from domain.database import log_engine
from projections import checkpoints
from projections.database import projection_engine

log = logging.getLogger(__name__)

_SECONDS = 1.0
_LOOKS = 60  # as far back as it is told exactly what a table shows
_KNOWN_FOR = 3 * _SECONDS
_STOP_SECONDS = 2.0


class Lag(TypedDict):
    lag: int | None
    """Events of the log that the table did not show at the last look; None where the last look is long ago."""
    age: float | None
    """Seconds: all that was committed longer ago than this is shown. None before it was so once."""


@dataclass(frozen=True, slots=True)
class Look:
    """Where the log and the projections were: positions by partition, these by the name of the read table too."""

    at: float
    heads: Mapping[int, int]
    reached: Mapping[str, Mapping[int, int]]


class Freshness:
    def __init__(self, *, write_url: str, read_url: str, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._log = log_engine(write_url)
        self._read = projection_engine(read_url)
        self._looks: deque[Look] = deque(maxlen=_LOOKS)
        self._lags: dict[str, int] = {}
        self._level_at: dict[str, float] = {}

    async def __aenter__(self) -> Self:
        self._stopped = asyncio.Event()
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let a look come to its end, since no thread can be made to: its connections are not closed under it."""
        self._stopped.set()
        await asyncio.wait({self._watching}, timeout=_STOP_SECONDS)
        self.close()

    def close(self) -> None:
        self._log.dispose()
        self._read.dispose()

    def of(self, tables: Iterable[str]) -> dict[str, Lag]:
        now = self._clock()
        return {table: self._lag(table, now) for table in tables}

    def note(self, look: Look) -> None:
        """Take in a look: a table shows all that the newest of the heads shows which its checkpoints have passed."""
        before = self._looks[-1].reached if self._looks else {}
        self._looks.append(look)
        for table, reached in look.reached.items():
            if _fell(before.get(table, {}), reached):
                self._level_at.pop(table, None)
            self._lags[table] = sum(_behind(look.heads, reached))
            passed = (past.at for past in reversed(self._looks) if not any(_behind(past.heads, reached)))
            if (level_at := next(passed, None)) is not None:
                self._level_at[table] = level_at

    def look(self) -> Look:
        """Ask both stores, blocking; the log first, so that nothing counts as behind which was not there yet."""
        at = self._clock()
        with self._log.connect() as connection:
            heads = event_log.heads(connection)
        with self._read.connect() as connection:
            reached = checkpoints.positions(connection)
        return Look(at, heads, reached)

    async def _watch(self) -> None:
        """Look again and again; while a store is away, what is known gets older, and says so."""
        while not self._stopped.is_set():
            try:
                self.note(await asyncio.to_thread(self.look))
            except (SQLAlchemyError, OSError) as error:
                log.debug("freshness_not_known", extra={"error": type(error).__name__})
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), _SECONDS)

    def _lag(self, table: str, now: float) -> Lag:
        known = bool(self._looks) and now - self._looks[-1].at < _KNOWN_FOR
        level_at = self._level_at.get(table)
        return {
            "lag": self._lags.get(table) if known else None,
            "age": round(now - level_at, 2) if level_at is not None else None,
        }


def _behind(heads: Mapping[int, int], reached: Mapping[int, int]) -> Iterable[int]:
    return (max(head - reached.get(partition, 0), 0) for partition, head in heads.items())


def _fell(before: Mapping[int, int], now: Mapping[int, int]) -> bool:
    """Return whether a table shows less than before: it was emptied, or its store lost its last commits."""
    return any(now.get(partition, 0) < position for partition, position in before.items())
