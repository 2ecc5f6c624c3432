"""What the status page shows: how projections and the parts are doing, and what this process has counted so far."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from socket import gethostname
from time import monotonic, time
from typing import Any

from pydantic.alias_generators import to_camel
from sqlalchemy.exc import SQLAlchemyError

from api.context import Standings
from api.counts import Counts
from api.metrics import KnownStandings
from api.streams import Streams
from projections.lag import Standing

_KNOWN_FOR = 0.9  # seconds, so that whoever asks once a second is told something new
_SHOWN = 20  # streams that are set aside
Checks = Callable[[], Awaitable[Mapping[str, str]]]


class Status:
    """Of one process, put together once a second at most, however many look on."""

    def __init__(self, *, standings: Standings, counts: Counts, streams: Streams, checks: Checks) -> None:
        self._standings = standings
        self._known_standings = KnownStandings(standings, known_for=0)
        self._counts = counts
        self._streams = streams
        self._checks = checks
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._known: Mapping[str, Any] = {}

    async def now(self) -> Mapping[str, Any]:
        async with self._asking:
            if monotonic() - self._asked_at >= _KNOWN_FOR:
                self._known = await self._look()
                self._asked_at = monotonic()
            return self._known

    async def _look(self) -> Mapping[str, Any]:
        """Projections are null, and what is set aside is empty, while a store does not answer."""
        began = time()
        _, parts = await asyncio.gather(self._known_standings.look(), self._checks())
        standings = self._known_standings.known
        return {
            "time": began,
            "process": f"{gethostname()} {os.getpid()}",
            "parts": dict(parts),
            "events": standings[0].head if standings else None,
            "projections": [_shown(each) for each in standings] if standings else None,
            "setAside": await self._set_aside() if any(each.quarantined for each in standings) else [],
            "commands": self._counts.outcomes(),
            "durations": self._counts.durations(),
            "streams": self._streams.open,
        }

    async def _set_aside(self) -> list[dict[str, str]]:
        try:
            found = await self._standings.set_aside(_SHOWN)
        except (SQLAlchemyError, OSError):
            return []
        return [
            {
                "projection": each.projection,
                "stream": str(each.stream_id),
                "event": each.event,
                "error": each.error,
                "since": each.since.isoformat(),
            }
            for each in found
        ]


def _shown(standing: Standing) -> dict[str, Any]:
    return {to_camel(name): value for name, value in asdict(standing).items()} | {"lag": standing.lag}
