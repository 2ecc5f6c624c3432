"""A batch of events on its way into a read table: one select, folds in memory, one upsert.

An event that cannot be applied sets its stream aside, from there on; all other streams go on.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from domain.driver import Writes
from domain.events import Event, Unreadable
from projections import rows
from projections.projection import Addition, Projection, Row, Update
from projections.quarantine import SetAside

_ENDLESS_SECONDS = 1.0  # a fold takes microseconds
_Change = tuple[UUID | None, Row | None, Update | None, Sequence[Addition]]
"""What one event does: the row of a key becomes another, if it changes; others are updated; amounts are added."""
T = TypeVar("T")


class UnreadableError(ValueError):
    """What is in the log is not the fact that it says it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The streams to set aside from now on, and whether any event that concerns the projection was applied."""

    set_aside: Sequence[SetAside] = ()
    applied: bool = False


def apply(
    read: Connection,
    projection: Projection,
    events: Iterable[Event],
    held: Collection[UUID] = frozenset(),
    *,
    writes: Writes | None = None,
    first: bool = False,
) -> Outcome:
    """Change a read table by events, passing over those of held streams; or add what changes it to other `writes`.

    `first`: these are the first events of their partitions, so the table has no rows yet that they could change.
    They are then iterated over once only, and their rows are written at once.
    Raises what `rows.is_refusal` knows where the store does not take what folds gave; `apply_one_by_one` finds which.
    """
    batch = Batch(projection, held)
    if not first:
        batch.load(read, events, new={event.stream_id for event in events if event.version == 1})
    for event in events:
        batch.take_in(event)
    if first:
        batch.insert(read)
    elif writes is not None:
        batch.add_to(writes, read)
    else:
        batch.write(read)
    return batch.outcome


def apply_one_by_one(
    read: Connection, projection: Projection, events: Sequence[Event], held: Collection[UUID] = frozenset()
) -> Outcome:
    """Do as `apply`, and set aside too what the store does not take, which is found by halving."""
    try:
        with read.begin_nested():
            return apply(read, projection, events, held)
    except Exception as error:
        if not rows.is_refusal(error):
            raise
        if len(events) == 1:
            return _refused(read, projection, events[0], error)
    half = len(events) // 2
    first = apply_one_by_one(read, projection, events[:half], held)
    second = apply_one_by_one(read, projection, events[half:], {*held, *(each.stream_id for each in first.set_aside)})
    return Outcome(set_aside=[*first.set_aside, *second.set_aside], applied=first.applied or second.applied)


def _refused(read: Connection, projection: Projection, event: Event, error: Exception) -> Outcome:
    batch = Batch(projection)
    batch.load(read, [event])
    batch.reject(event, error)
    batch.write(read)
    return batch.outcome


class Batch:
    """The rows that a batch of events concerns, as they become event by event."""

    def __init__(self, projection: Projection, held: Collection[UUID] = frozenset()) -> None:
        self.set_aside: list[SetAside] = []
        self.updating: set[UUID] = set()
        """Streams of which an event was taken in that updates rows it does not name."""
        self._projection = projection
        self._held = set(held)
        self._rows = Rows()
        self._changed: set[UUID] = set()
        self._updates: list[tuple[Update, int]] = []
        self._sums: dict[Any, dict[str, Any]] = {}
        self._applied = False

    @property
    def outcome(self) -> Outcome:
        return Outcome(set_aside=self.set_aside, applied=self._applied)

    def load(self, read: Connection, events: Iterable[Event], *, new: Collection[UUID] = frozenset()) -> None:
        """Read the rows that events concern, less those of `new` streams: before their first event they have none."""
        keys = {key for event in events if (key := self._key(event)) is not None} - self._rows.keys() - {*new}
        if keys:
            self._rows.put_all(rows.load(read, self._projection, keys))

    def take_in(self, event: Event) -> None:
        if self._held and event.stream_id in self._held:
            return
        try:
            key, row, update, additions = _twice(self._change, event)
        except Exception as error:  # noqa: BLE001 - whatever a fold raises, it concerns this stream alone
            self.reject(event, error)
            return
        if key is not None or update is not None or additions:
            self._applied = True
        if key is not None and row is not None:
            self._set(key, row, event)
        if update is not None:
            self.updating.add(event.stream_id)
            self._update(update, event)
        for key_, amounts in additions:
            sums = self._sums.setdefault(key_, dict.fromkeys(self._projection.counters, 0))
            for column, amount in amounts.items():
                sums[column] += amount

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
                error=said(error),
            )
        )
        if (key := self._key(event)) is not None and "stale" in self._projection.columns:
            self._update(Update(where={self._projection.key_column: key}, values={"stale": True}), event)

    def add_to(self, writes: Writes, read: Connection) -> None:
        """Add what is to be written to other writes."""
        writes.add(*rows.updates(self._projection, self._updates))  # before the rows, which have been through them
        if self._changed and self._sums:  # two statements: another batch may change what this one adds to, and so on
            writes.flush()
            rows.lock(read, self._projection, {*self._changed, *(key for (key,) in self._sums)})
        if self._changed:
            writes.add(rows.upsert(self._projection, [self._rows[key] for key in self._changed]))
        if self._sums:
            writes.add(rows.increase(self._projection, self._sums))

    def write(self, read: Connection) -> None:
        writes = Writes(read)
        self.add_to(writes, read)
        writes.flush()
        self._forget_changes()

    def insert(self, read: Connection) -> None:
        """Write rows that are all new."""
        rows.insert(read, self._projection, self._rows.values())

    def write_alone(self, read: Connection, event: Event) -> None:
        """Write what one event did; if the store does not take it, undo that, and set the event's stream aside."""
        try:
            with read.begin_nested():
                self.write(read)
        except Exception as error:
            if not rows.is_refusal(error):
                raise
            self._rows.replace(self._changed, rows.load(read, self._projection, self._changed))
            self._forget_changes()
            self.reject(event, error)

    def _forget_changes(self) -> None:
        self._updates, self._changed, self._sums = [], set(), {}

    def _key(self, event: Event) -> UUID | None:
        try:
            return _twice(self._projection.key, event)
        except Exception:  # noqa: BLE001 - it is raised again where the event is applied
            return None

    def _change(self, event: Event) -> _Change:
        if isinstance(event.fact, Unreadable):
            raise UnreadableError(event.fact.reason)
        projection = self._projection
        key, after = projection.key(event), None
        if key is not None:
            before = self._rows.get(key)
            after = projection.fold(before, event)
            if after is before:
                after = None
        return key, after, projection.update(event), tuple(projection.add(event)) if projection.counters else ()

    def _set(self, key: UUID, row: Row, event: Event) -> None:
        # A row that others have changed since is not put back by an event of before, which is played again.
        before = row.get("log_position")
        row["log_position"] = event.position if before is None else max(before, event.position)
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

    def replace(self, keys: Iterable[UUID], found: dict[UUID, Row]) -> None:
        """Put what was found in the place of these keys' rows."""
        for key in keys:
            self.pop(key, None)
        self.put_all(found)

    def __setitem__(self, key: UUID, row: Row) -> None:
        dict.__setitem__(self, key, row)
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
        return [
            key
            for key in candidates
            if (found := self.get(key)) is not None and tuple(found[column] for column in columns) == wanted
        ]


def said(error: BaseException) -> str:
    """Return what an error says, without the row that PostgreSQL adds to it: logs are no place for a person's data."""
    error = getattr(error, "orig", None) or error
    words = getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
    return f"{type(error).__name__}: {words}"


def _type(event: Event) -> str:
    return event.fact.type if isinstance(event.fact, Unreadable) else type(event.fact).__name__


def _twice(call: Callable[[Event], T], event: Event) -> T:
    """Try again once: a fold is pure, so what fails twice is its own doing, not that of a signal that came in.

    Not after seconds, though: then that signal came because this one did not come to an end.
    """
    began = monotonic()
    try:
        return call(event)
    except Exception:
        if monotonic() - began > _ENDLESS_SECONDS:
            raise
        return call(event)
