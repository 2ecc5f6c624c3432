"""Runs projections: batch by batch from the log into the read tables, rows and checkpoint in one transaction.

Any number of runners may work at once, in any number of processes: a checkpoint's row lock decides who has a
partition, and a checkpoint moves only from where it was read. So every event is applied once, and in order.
"""

from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from domain import event_log
from domain.events import Event
from projections import checkpoints, rows
from projections.progress import Progress
from projections.projection import Projection, Row

BATCH = 1000
Publish = Callable[[Progress], None]


class Runner:
    def __init__(
        self, *, log: Engine, read: Engine, projections: Sequence[Projection], publish: Publish, batch: int = BATCH
    ) -> None:
        self._log = log
        self._read = read
        self._projections = projections
        self._publish = publish
        self._batch = batch

    def drain(self, partition: int, *, seconds: float) -> bool:
        """Apply what a partition has, to all projections; return False if time was over before they were level.

        Where another runner holds a checkpoint, that projection is left to it. The head is read again after the
        checkpoints were let go: an event whose nudge came while they were held, and so found them taken, is seen here.
        """
        until = monotonic() + seconds
        with self._log.connect() as log:
            while self._is_behind(log, partition, self._round(log, partition)):
                if monotonic() > until:
                    return False
        return True

    def _round(self, log: Connection, partition: int) -> list[int]:
        """Apply one batch to each projection; return the positions reached, of those that were free."""
        batches: dict[int, list[Event]] = {}

        def batch(after: int) -> list[Event]:
            if after not in batches:  # projections at the same position share what was read and decoded
                batches[after] = event_log.read(log, partition, after=after, limit=self._batch)
            return batches[after]

        reached = [self._advance(projection, partition, batch) for projection in self._projections]
        return [position for position in reached if position is not None]

    def _advance(self, projection: Projection, partition: int, batch: Callable[[int], list[Event]]) -> int | None:
        with self._read.begin() as read:
            start = checkpoints.take(read, projection.name, partition)
            if start is None:
                return None
            events = batch(start)
            if not events:
                return start
            position = events[-1].position
            apply(read, projection, events)
            checkpoints.move(read, projection.name, partition, start=start, to=position)
        self._publish(Progress(projection=projection.name, partition=partition, position=position))
        return position

    @staticmethod
    def _is_behind(log: Connection, partition: int, reached: Iterable[int]) -> bool:
        positions = list(reached)
        return bool(positions) and min(positions) < event_log.head(log, partition)


def apply(read: Connection, projection: Projection, events: Sequence[Event]) -> None:
    """Change a read table by a batch of events: one select, folds in memory, one upsert."""
    concerned = [(key, event) for event in events if (key := projection.key(event)) is not None]
    if concerned:
        before = rows.load(read, projection, {key for key, _ in concerned})
        if changed := _folded(projection, before, concerned):
            rows.upsert(read, projection, changed)
    if sums := _sums(projection, events):
        rows.increase(read, projection, sums)


def _folded(projection: Projection, before: dict[UUID, Row], concerned: Iterable[tuple[UUID, Event]]) -> list[Row]:
    now: dict[UUID, Row | None] = {**before}
    changed: set[UUID] = set()
    for key, event in concerned:
        row = now.get(key)
        after = projection.fold(row, event)
        if after is not row and after is not None:
            after["log_position"] = event.position
            now[key] = after
            changed.add(key)
    return [row for key in changed if (row := now[key]) is not None]


def _sums(projection: Projection, events: Iterable[Event]) -> dict[UUID, dict[str, Any]]:
    sums: dict[UUID, dict[str, Any]] = {}
    if projection.counters:
        for event in events:
            for key, amounts in projection.add(event):
                row = sums.setdefault(key, dict.fromkeys(projection.counters, 0))
                for column, amount in amounts.items():
                    row[column] += amount
    return sums
