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
from projections.projection import Projection, Row, Update

BATCH = 1000
Publish = Callable[[Sequence[Progress]], None]


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

        Raises, in the end, what the first projection raised that could not go on. Where another runner holds a
        checkpoint, that projection is left to it. The head is read again after the
        checkpoints were let go: an event whose nudge came while they were held, and so found them taken, is seen here.
        """
        until = monotonic() + seconds
        working, errors = list(self._projections), list[Exception]()
        level = True
        with self._log.connect() as log:
            while self._is_behind(log, partition, self._round(log, partition, working, errors)):
                if monotonic() > until:
                    level = False
                    break
        if errors:
            raise errors[0]
        return level

    def _round(self, log: Connection, partition: int, working: list[Projection], errors: list[Exception]) -> list[int]:
        """Apply one batch to each projection; return the positions reached, of those that were free.

        All at once, which costs one commit. If that fails, each alone: one that cannot go on is taken out, with its
        error, and stops no other.
        """
        try:
            return self._advance(log, partition, working)
        except Exception as error:  # noqa: BLE001 - whatever a fold or the store raises, it is raised again in the end
            if len(working) == 1:
                errors.append(error)
                return []
        reached: list[int] = []
        for projection in tuple(working):
            try:
                reached += self._advance(log, partition, [projection])
            except Exception as error:  # noqa: BLE001 - as above
                working.remove(projection)
                errors.append(error)
        return reached

    def _advance(self, log: Connection, partition: int, projections: Sequence[Projection]) -> list[int]:
        """Move rows and checkpoints of these projections in one transaction, where nobody else holds them."""
        by_name = {projection.name: projection for projection in projections}
        batches: dict[int, list[Event]] = {}  # projections at the same position share what was read and decoded
        with self._read.begin() as read:
            taken = checkpoints.take(read, by_name, partition)
            for name, start in taken.items():
                if start not in batches:
                    batches[start] = event_log.read(log, partition, after=start, limit=self._batch)
                apply(read, by_name[name], batches[start])
            moves = {name: (start, events[-1].position) for name, start in taken.items() if (events := batches[start])}
            checkpoints.move(read, partition, moves)
        self._publish([Progress(projection=name, partition=partition, position=to) for name, (_, to) in moves.items()])
        return [moves[name][1] if name in moves else start for name, start in taken.items()]

    @staticmethod
    def _is_behind(log: Connection, partition: int, reached: Iterable[int]) -> bool:
        positions = list(reached)
        return bool(positions) and min(positions) < event_log.head(log, partition)


def apply(read: Connection, projection: Projection, events: Sequence[Event]) -> None:
    """Change a read table by a batch of events: one select, folds in memory, one upsert."""
    batch = Batch(projection, _load(read, projection, events))
    for event in events:
        batch.take_in(event)
    for change, position in batch.updates:  # before the rows in memory, which have been through them in their order
        rows.update(read, projection, change, log_position=position)
    if batch.changed:
        rows.upsert(read, projection, [batch.rows[key] for key in batch.changed])
    if sums := _sums(projection, events):
        rows.increase(read, projection, sums)


def _load(read: Connection, projection: Projection, events: Iterable[Event]) -> dict[UUID, Row]:
    keys = {key for event in events if (key := projection.key(event)) is not None}
    return rows.load(read, projection, keys) if keys else {}


class Batch:
    """The rows that a batch of events concerns, as they become event by event."""

    def __init__(self, projection: Projection, before: dict[UUID, Row]) -> None:
        self.rows = before
        self.changed: set[UUID] = set()
        self.updates: list[tuple[Update, int]] = []
        self._projection = projection

    def take_in(self, event: Event) -> None:
        if (key := self._projection.key(event)) is not None:
            row = self.rows.get(key)
            after = self._projection.fold(row, event)
            if after is not None and after is not row:
                self._set(key, after, event)
        if (update := self._projection.update(event)) is not None:
            self.updates.append((update, event.position))
            for key, row in self.rows.items():
                if all(row[column] == value for column, value in update.where.items()):
                    self._set(key, {**row, **update.values}, event)

    def _set(self, key: UUID, row: Row, event: Event) -> None:
        row["log_position"] = event.position
        self.rows[key] = row
        self.changed.add(key)


def _sums(projection: Projection, events: Iterable[Event]) -> dict[UUID, dict[str, Any]]:
    sums: dict[UUID, dict[str, Any]] = {}
    if projection.counters:
        for event in events:
            for key, amounts in projection.add(event):
                row = sums.setdefault(key, dict.fromkeys(projection.counters, 0))
                for column, amount in amounts.items():
                    row[column] += amount
    return sums
