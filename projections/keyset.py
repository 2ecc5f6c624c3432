"""Pages of a list by keyset: where the last page ended, not how many rows came before it.

A list comes in parts that have no row in common, each of which an index holds in the order of the list; several of them
are merged as they are read. That is how a page of orders in any of several statuses costs no more than one of all.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce
from operator import add, ge, gt, le, lt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    UnaryExpression,
    false,
    func,
    select,
    true,
    tuple_,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import QueryableAttribute

Place = tuple[Any, Any]
"""Where a row stands in a list: its values of the sort column and of the key."""

Parts = Sequence[Select[Any]]
BEYOND = "beyond_these_rows"

_COMPARISONS: Mapping[tuple[bool, bool], Callable[[Any, Any], Any]] = {
    (True, False): gt,
    (True, True): ge,
    (False, False): lt,
    (False, True): le,
}
_MOST_DIGITS = 60


class Keyset:
    """An order that a list is offered in: a sort column, and the key that makes it total."""

    def __init__(self, sort: Any, key: Any, *, descending: bool = False) -> None:
        self.sort: QueryableAttribute[Any] = sort
        self.key: QueryableAttribute[Any] = key
        self.descending = descending

    def place(self, row: Mapping[str, Any]) -> Place:
        """Return where a row stands in this order."""
        return row[self.sort.key], row[self.key.key]

    def read(self, sort: str, key: str) -> Place:
        """Return the place that was written down as text; raise ValueError where it is none."""
        return _read(self.sort, sort), _read(self.key, key)

    def behind(self, place: Place, *, inclusive: bool = False) -> ColumnElement[bool]:
        return self._beside(place, greater=not self.descending, inclusive=inclusive)

    def ahead_of(self, place: Place, *, inclusive: bool = False) -> ColumnElement[bool]:
        return self._beside(place, greater=self.descending, inclusive=inclusive)

    def columns(self, names: Collection[str] | None) -> list[QueryableAttribute[Any]]:
        """Return these columns of the table, or all, always with those that make up a place."""
        table = self.key.class_
        wanted = table.__table__.columns.keys() if names is None else {*names, self.sort.key, self.key.key}
        return [getattr(table, name) for name in table.__table__.columns.keys() if name in wanted]  # noqa: SIM118 - no dict

    def _beside(self, place: Place, *, greater: bool, inclusive: bool) -> ColumnElement[bool]:
        there = tuple_(type_coerce(place[0], self.sort.type), type_coerce(place[1], self.key.type))
        compared: ColumnElement[bool] = _COMPARISONS[greater, inclusive](tuple_(self.sort, self.key), there)
        return compared


def _read(column: QueryableAttribute[Any], value: str) -> Any:
    kind = column.type.python_type
    if kind is datetime:
        return datetime.fromisoformat(value).astimezone(UTC)
    read = kind(value)
    if kind is Decimal and not (read.is_finite() and abs(read.adjusted()) < _MOST_DIGITS):
        raise ValueError("no amount has that many digits")
    if kind is str and "\0" in value:
        raise ValueError("no text has a NUL")
    return read


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Which rows of a list: `limit` of them behind `after`, or, `backward`, the last ones before `before`."""

    limit: int
    after: Place | None = None
    before: Place | None = None
    backward: bool = False
    offset: int | None = None

    @property
    def start(self) -> Place | None:
        """The place that its rows are counted from."""
        return self.before if self.backward else self.after


def cut(parts: Parts, keyset: Keyset, wanted: Slice, *, columns: Collection[str] | None = None) -> Select[Any]:
    """Return the rows of a slice, one more than its limit where there are more, backward in reverse order."""
    conditions = []
    if wanted.after is not None:
        conditions.append(keyset.behind(wanted.after))
    if wanted.before is not None:
        conditions.append(keyset.ahead_of(wanted.before))
    falling = keyset.descending != wanted.backward
    return _in_order(parts, keyset, conditions, columns, falling=falling, limit=wanted.limit + 1, offset=wanted.offset)


def cut_with_beyond(
    parts: Parts, keyset: Keyset, wanted: Slice, *, columns: Collection[str] | None = None
) -> Select[Any]:
    """Return the rows of a slice, and last, with a true `BEYOND`, one on the other side of its start, if there is one.

    Most often that is the cursor's own row; where that has left the list, the next one.
    """
    rows = cut(parts, keyset, wanted, columns=columns).add_columns(false().label(BEYOND))
    beyond = _beyond(parts, keyset, wanted, columns).add_columns(true().label(BEYOND))
    both = union_all(rows, beyond).subquery("rows")
    order = _order(both.c[keyset.sort.key], both.c[keyset.key.key], falling=keyset.descending != wanted.backward)
    return select(both).order_by(both.c[BEYOND], *order)


def _beyond(parts: Parts, keyset: Keyset, wanted: Slice, columns: Collection[str] | None) -> Select[Any]:
    start, conditions = wanted.start, []
    if start is not None:
        conditions = [(keyset.behind if wanted.backward else keyset.ahead_of)(start, inclusive=True)]
    return _in_order(parts, keyset, conditions, columns, falling=keyset.descending == wanted.backward, limit=1)


def count(parts: Parts) -> Select[Any]:
    """Return how many rows there are in a list."""
    if len(parts) == 1:
        return parts[0].with_only_columns(func.count().label("count"), maintain_column_froms=True)
    counts = [part.with_only_columns(func.count(), maintain_column_froms=True) for part in parts]
    return select(reduce(add, [each.scalar_subquery() for each in counts]).label("count"))


def _in_order(
    parts: Parts,
    keyset: Keyset,
    conditions: Sequence[ColumnElement[bool]],
    columns: Collection[str] | None,
    *,
    falling: bool,
    limit: int,
    offset: int | None = None,
) -> Select[Any]:
    """Return the first rows of a list. Of several parts each gives as many as may be needed, out of its index."""
    shown = keyset.columns(columns)
    found = [part.with_only_columns(*shown, maintain_column_froms=True).where(*conditions) for part in parts]
    order = _order(keyset.sort, keyset.key, falling=falling)
    if len(found) == 1:
        return found[0].order_by(*order).limit(limit).offset(offset)
    looked_at = limit if offset is None else limit + offset
    merged = union_all(*(part.order_by(*order).limit(looked_at) for part in found)).subquery("merged")
    order = _order(merged.c[keyset.sort.key], merged.c[keyset.key.key], falling=falling)
    return select(merged).order_by(*order).limit(limit).offset(offset)


def _order(*columns: Any, falling: bool) -> list[UnaryExpression[Any]]:
    return [column.desc() if falling else column.asc() for column in columns]
