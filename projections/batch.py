"""A batch of events on its way into a read table: one select, folds in memory, one upsert.

An event that cannot be applied sets its stream aside, from there on; all other streams go on.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from domain.events import Event, Unreadable
from projections import rows
from projections.projection import Addition, Projection, Row, Update
from projections.quarantine import SetAside

_ENDLESS_SECONDS = 1.0  # a fold takes microseconds
_HOPELESS = 20  # streams set aside in one batch, and nothing else applied


Apply = Callable[[Connection, Projection, Sequence[Event], Collection[UUID]], list[SetAside]]


class CannotRunError(RuntimeError):
    """The projection itself is at fault: it can apply nothing."""


class UnreadableError(ValueError):
    """What is in the log is not the fact that it says it is."""


def apply(
    read: Connection, projection: Projection, events: Sequence[Event], held: Collection[UUID] = frozenset()
) -> list[SetAside]:
    """Change a read table by events, passing over those of held streams; return the streams to set aside from now on.

    Raises DataError or IntegrityError where the store does not take what folds gave; `apply_one_by_one` finds which.
    """
    batch = Batch(projection, held)
    batch.load(read, events)
    for event in events:
        batch.take_in(event)
    batch.write(read)
    return batch.set_aside


def apply_one_by_one(
    read: Connection, projection: Projection, events: Sequence[Event], held: Collection[UUID] = frozenset()
) -> list[SetAside]:
    """Do as `apply`, and set aside too what the store does not take, which is found by halving."""
    try:
        with read.begin_nested():
            return apply(read, projection, events, held)
    except (DataError, IntegrityError) as error:
        if len(events) == 1:
            return _refused(read, projection, events[0], error)
    half = len(events) // 2
    first = apply_one_by_one(read, projection, events[:half], held)
    second = apply_one_by_one(read, projection, events[half:], {*held, *(each.stream_id for each in first)})
    return first + second


def _refused(
    read: Connection, projection: Projection, event: Event, error: DataError | IntegrityError
) -> list[SetAside]:
    batch = Batch(projection)
    batch.load(read, [event])
    batch.reject(event, error.orig or error)
    batch.write(read)
    return batch.set_aside


@dataclass(frozen=True, slots=True)
class _Change:
    """What one event does: the row of a key becomes another, others are updated, amounts are added."""

    key: UUID | None
    row: Row | None
    update: Update | None
    additions: Sequence[Addition]


class Batch:
    """The rows that a batch of events concerns, as they become event by event."""

    def __init__(self, projection: Projection, held: Collection[UUID] = frozenset()) -> None:
        self.set_aside: list[SetAside] = []
        self._projection = projection
        self._held = set(held)
        self._rows = Rows()
        self._changed: set[UUID] = set()
        self._updates: list[tuple[Update, int]] = []
        self._sums: dict[Any, dict[str, Any]] = {}
        self._applied = False

    def load(self, read: Connection, events: Iterable[Event]) -> None:
        keys = {key for event in events if (key := self._key(event)) is not None} - self._rows.keys()
        if keys:
            self._rows.put_all(rows.load(read, self._projection, keys))

    def take_in(self, event: Event) -> None:
        if event.stream_id in self._held:
            return
        try:
            change = _twice(self._change, event)
        except Exception as error:  # noqa: BLE001 - whatever a fold raises, it concerns this stream alone
            self.reject(event, error)
            return
        self._applied = True
        if change.key is not None and change.row is not None:
            self._set(change.key, change.row, event)
        if change.update is not None:
            self._update(change.update, event)
        for key, amounts in change.additions:
            row = self._sums.setdefault(key, dict.fromkeys(self._projection.counters, 0))
            for column, amount in amounts.items():
                row[column] += amount

    def follow(self, event: Event) -> None:
        """Let an event that was applied long ago update the rows in memory, as it would have then."""
        update = None if isinstance(event.fact, Unreadable) else self._projection.update(event)
        if update is not None:
            self._update_in_memory(update, event)

    def freshen(self, event: Event) -> None:
        """Let the row of an event say that it is up to date again."""
        key = self._key(event)
        if key is not None and key in self._rows and "stale" in self._projection.columns:
            self._rows[key] = {**self._rows[key], "stale": False}
            self._changed.add(key)

    def reject(self, event: Event, error: BaseException) -> None:
        """Set an event's stream aside, and let its row say that it is behind, where there is one that can."""
        self._held.add(event.stream_id)
        self.set_aside.append(
            SetAside(
                stream_id=event.stream_id,
                partition=event.partition,
                position=event.position,
                event=_type(event),
                error=f"{type(error).__name__}: {error}",
            )
        )
        if len(self.set_aside) >= _HOPELESS and not self._applied:
            raise CannotRunError(f"no event can be applied; the latest: {type(error).__name__}: {error}") from error
        if (key := self._key(event)) is not None and "stale" in self._projection.columns:
            self._update(Update(where={self._projection.key_column: key}, values={"stale": True}), event)

    def write(self, read: Connection) -> None:
        if self._updates:  # before the rows in memory, which have been through them in their order
            rows.update(read, self._projection, self._updates)
        if self._changed and self._sums:  # two statements: another batch may change what this one adds to, and so on
            rows.lock(read, self._projection, {*self._changed, *self._sums})
        if self._changed:
            rows.upsert(read, self._projection, [self._rows[key] for key in self._changed])
        if self._sums:
            rows.increase(read, self._projection, self._sums)

    def _key(self, event: Event) -> UUID | None:
        try:
            return self._projection.key(event)
        except Exception:  # noqa: BLE001 - it is raised again where the event is applied
            return None

    def _change(self, event: Event) -> _Change:
        if isinstance(event.fact, Unreadable):
            raise UnreadableError(event.fact.reason)
        projection = self._projection
        key = projection.key(event)
        before = None if key is None else self._rows.get(key)
        after = None if key is None else projection.fold(before, event)
        return _Change(
            key=key,
            row=None if after is before else after,
            update=projection.update(event),
            additions=tuple(projection.add(event)) if projection.counters else (),
        )

    def _set(self, key: UUID, row: Row, event: Event) -> None:
        row["log_position"] = event.position
        self._rows[key] = row
        self._changed.add(key)

    def _update(self, update: Update, event: Event) -> None:
        self._updates.append((update, event.position))
        self._update_in_memory(update, event)

    def _update_in_memory(self, update: Update, event: Event) -> None:
        for key in self._rows.where(update.where):
            self._set(key, {**self._rows[key], **update.values}, event)


class Rows(dict[UUID, Row]):
    """Rows by their keys; they are found by other columns too, without a look at each of them."""

    def __init__(self) -> None:
        super().__init__()
        self._found_by: dict[tuple[str, ...], dict[tuple[Any, ...], set[UUID]]] = {}

    def put_all(self, found: dict[UUID, Row]) -> None:
        for key, row in found.items():
            self[key] = row

    def __setitem__(self, key: UUID, row: Row) -> None:
        super().__setitem__(key, row)
        for columns, keys in self._found_by.items():
            keys.setdefault(tuple(row[column] for column in columns), set()).add(key)

    def where(self, values: Any) -> list[UUID]:
        """Return the keys of the rows that have these values in these columns."""
        columns = tuple(values)
        if columns not in self._found_by:
            keys: dict[tuple[Any, ...], set[UUID]] = {}
            for key, row in self.items():
                keys.setdefault(tuple(row[column] for column in columns), set()).add(key)
            self._found_by[columns] = keys
        wanted = tuple(values.values())
        candidates = self._found_by[columns].get(wanted, ())
        return [key for key in candidates if tuple(self[key][column] for column in columns) == wanted]


def _type(event: Event) -> str:
    return event.fact.type if isinstance(event.fact, Unreadable) else type(event.fact).__name__


def _twice(change: Callable[[Event], _Change], event: Event) -> _Change:
    """Try again once: a fold is pure, so what fails twice is its own doing, not that of a signal that came in.

    Not after seconds, though: then that signal came because this one did not come to an end.
    """
    began = monotonic()
    try:
        return change(event)
    except Exception:
        if monotonic() - began > _ENDLESS_SECONDS:
            raise
        return change(event)
