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
    func,
    select,
    tuple_,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import QueryableAttribute

Place = tuple[Any, Any]
"""Where a row stands in a list: its values of the sort column and of the key."""

Parts = Sequence[Select[Any]]

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


def cut(
    parts: Parts, keyset: Keyset, wanted: Slice, *, columns: Collection[str] | None = None, with_edge: bool = False
) -> Select[Any]:
    """Return the rows of a slice, one more than its limit where there are more, backward in reverse order.

    `with_edge`: first comes the row that the slice begins behind, if it is still in the list.
    """
    conditions, offset = [], wanted.offset
    if wanted.after is not None:
        conditions.append(keyset.behind(wanted.after, inclusive=with_edge and not wanted.backward))
    if wanted.before is not None:
        conditions.append(keyset.ahead_of(wanted.before, inclusive=with_edge and wanted.backward))
    if with_edge and offset is not None:
        offset -= 1
    falling, more = keyset.descending != wanted.backward, 2 if with_edge else 1
    return _in_order(parts, keyset, conditions, columns, falling=falling, limit=wanted.limit + more, offset=offset)


def beyond(parts: Parts, keyset: Keyset, wanted: Slice) -> Select[Any]:
    """Return a row on the other side of the place that a slice begins at, if there is one."""
    start = wanted.start
    conditions = [] if start is None else [(keyset.behind if wanted.backward else keyset.ahead_of)(start)]
    return _in_order(parts, keyset, conditions, (), falling=keyset.descending == wanted.backward, limit=1)


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
