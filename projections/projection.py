"""The contract of a file in `projections/views`: a read table, and how events change it. Somebody else runs it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from domain.events import Event
from domain.tables import WriteTable

NEXT, OLD = "__next", "__old"
"""Suffixes of the tables beside the one that is shown: of the one being built, and of the one shown before."""

Row = dict[str, Any]
"""One row of a read table, column by column. A fold never changes the row it is given: it returns another."""

Key = tuple[Any, ...]
"""The primary key of a row, column by column."""

Addition = tuple[Key, Mapping[str, Any]]
"""The key of a row and what is added to its counters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Columns that all rows get which have these values: `update ... set values where where`."""

    where: Mapping[str, Any]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the write store keeps too of a row, under its key as `id`: these columns are equal at an equal version.

    `counted` are columns of the write store that follow from a row with its counters, and change without its version.
    """

    table: type[WriteTable]
    columns: tuple[str, ...]
    counted: Mapping[str, Callable[[Row], Any]] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        return str(self.table.__tablename__)


class ReadTable(SQLModel, registry=registry()):
    """The base of the read store's tables, with metadata of its own: no migration of it sees a write table."""


class MissingRowError(LookupError):
    """An event changes a row that its earlier events should have made."""


def _no_row(_: Event) -> UUID | None:
    return None


def _unchanged(row: Row | None, _: Event) -> Row | None:
    return row


def _nothing(_: Event) -> Iterable[Addition]:
    return ()


def _no_update(_: Event) -> Update | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """How one read table follows from the log.

    `key` names the row that an event concerns, None where it concerns no row here. `fold` gives the row after the
    event; the same row means that nothing changes. Both are pure.

    `update` is for an event that changes rows which it cannot name, such as all orders of a user. Those rows have to be
    of the event's own partition. `updated_by` names the columns that find them; each leads an index.

    `add` is for numbers that events of many partitions raise, which no fold can hold: it gives amounts to be added to
    the columns in `counters` of rows named by their whole primary key. Those columns belong to `add` alone; they start
    at zero, and may do so before the row's own first event has come. A table of nothing but a key and counters has
    neither `key` nor `fold`.
    """

    table: type[ReadTable]
    key: Callable[[Event], UUID | None] = _no_row
    fold: Callable[[Row | None, Event], Row | None] = _unchanged
    update: Callable[[Event], Update | None] = _no_update
    updated_by: frozenset[str] = frozenset()
    add: Callable[[Event], Iterable[Addition]] = _nothing
    counters: frozenset[str] = frozenset()
    kept: Kept | None = None
    """What the write store must agree with; verification compares it."""
    version: int = 1
    """Raised with every change that rows of before do not have: `tandem projections rebuild` brings it to them."""
    suffix: str = ""
    """Of the table that is written, where it is not the one that is shown."""

    @property
    def name(self) -> str:
        return f"{self.table.__tablename__}{self.suffix}"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.table.__table__.columns.keys())  # type: ignore[attr-defined]

    @property
    def key_columns(self) -> tuple[str, ...]:
        return tuple(self.table.__table__.primary_key.columns.keys())  # type: ignore[attr-defined]

    @property
    def key_column(self) -> str:
        [key] = self.key_columns
        return key

    def beside(self, suffix: str) -> "Projection":
        """Return the same projection, writing another table than the one that is shown."""
        return replace(self, suffix=suffix)


def fold_all(projection: Projection, events: Iterable[Event]) -> Row | None:
    """Return the row that events lead to, from none; those that concern other rows too may be among them."""
    row: Row | None = None
    for event in events:
        if projection.key(event) is not None:
            row = projection.fold(row, event)
        update = projection.update(event)
        if row is not None and update is not None and update.where.items() <= row.items():
            row = {**row, **update.values}
    return row


def known(row: Row | None, event: Event) -> Row:
    """Return the row that an event changes; raise MissingRowError where there is none."""
    if row is None:
        raise MissingRowError(f"{type(event.fact).__name__} came before the row of stream {event.stream_id} existed")
    return row
