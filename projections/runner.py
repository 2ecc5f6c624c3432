"""Runs projections: batch by batch from the log into the read tables, rows and checkpoint in one transaction.

Any number of runners may work at once, in any number of processes: a checkpoint's row lock decides who has a
partition, and a checkpoint moves only from where it was read. So every event is applied once, and in order.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from domain import event_log
from domain.events import Event
from projections import checkpoints, rows
from projections.progress import Progress
from projections.projection import Key, Projection, Row, Update

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

    def drain(self, *partitions: int, seconds: float) -> bool:
        """Apply what partitions have, to all projections; return False if time was over before they were level.

        Raises, in the end, what the first projection raised that could not go on. Where another runner holds a
        checkpoint, that projection is left to it. The heads are read again after the checkpoints were let go: an event
        whose nudge came while they were held, and so found them taken, is seen here.
        """
        until = monotonic() + seconds
        working, errors = list(self._projections), list[Exception]()
        behind = list(partitions)
        with self._log.connect() as log:
            while behind := self._behind(log, self._round(log, behind, working, errors)):
                if monotonic() > until:
                    break
        if errors:
            raise errors[0]
        return not behind

    def _round(
        self, log: Connection, partitions: Sequence[int], working: list[Projection], errors: list[Exception]
    ) -> list[Progress]:
        """Apply one batch to each projection; return where they are now, of those that were free.

        All at once, which costs one commit. If that fails, each alone: one that cannot go on is taken out, with its
        error, and stops no other.
        """
        try:
            return self._advance(log, partitions, working)
        except Exception as error:  # noqa: BLE001 - whatever a fold or the store raises, it is raised again in the end
            if len(working) == 1:
                errors.append(error)
                return []
        reached: list[Progress] = []
        for projection in tuple(working):
            try:
                reached += self._advance(log, partitions, [projection])
            except Exception as error:  # noqa: BLE001 - as above
                working.remove(projection)
                errors.append(error)
        return reached

    def _advance(self, log: Connection, partitions: Sequence[int], projections: Sequence[Projection]) -> list[Progress]:
        """Move rows and checkpoints of these projections in one transaction, where nobody else holds them."""
        limit = max(1, self._batch // len(partitions))
        with self._read.begin() as read:
            taken = checkpoints.take(read, [projection.name for projection in projections], partitions)
            # Projections at the same place share what was read and decoded.
            events = event_log.read_from(log, {(at.partition, at.position) for at in taken}, limit=limit)
            moves: list[tuple[Progress, Progress]] = []
            for projection in projections:
                places = [at for at in taken if at.projection == projection.name]
                apply(read, projection, [event for at in places for event in events[at.partition, at.position]])
                moves += [(at, _after(at, events[at.partition, at.position])) for at in places]
            moved = [(before, after) for before, after in moves if before != after]
            checkpoints.move(read, moved)
        if moved:
            self._publish([after for _, after in moved])
        return [after for _, after in moves]

    @staticmethod
    def _behind(log: Connection, reached: Sequence[Progress]) -> list[int]:
        """Return the partitions whose log goes on behind where a projection is."""
        if not reached:
            return []
        heads = event_log.heads(log)
        return sorted({at.partition for at in reached if at.position < heads[at.partition]})


def _after(at: Progress, events: Sequence[Event]) -> Progress:
    return replace(at, position=events[-1].position) if events else at


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


def _sums(projection: Projection, events: Iterable[Event]) -> dict[Key, dict[str, Any]]:
    sums: dict[Key, dict[str, Any]] = {}
    if projection.counters:
        for event in events:
            for key, amounts in projection.add(event):
                row = sums.setdefault(key, dict.fromkeys(projection.counters, 0))
                for column, amount in amounts.items():
                    row[column] += amount
    return sums
