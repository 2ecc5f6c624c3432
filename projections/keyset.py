"""Pages of a select by keyset: where the last page ended, not how many rows came before it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, tuple_
from sqlalchemy.orm import QueryableAttribute

from projections.projection import Row


class Keyset:
    """An order that a list is offered in: a sort column, and the key that makes it total."""

    def __init__(self, sort: Any, key: Any, *, descending: bool = False) -> None:
        self.sort: QueryableAttribute[Any] = sort
        self.key: QueryableAttribute[Any] = key
        self.descending = descending

    def place(self, row: Row) -> tuple[Any, Any]:
        """Return where a row stands in this order."""
        return row[self.sort.key], row[self.key.key]

    def read(self, sort: str, key: str) -> tuple[Any, Any]:
        """Return the place that was written down as text; raise ValueError where it is none."""
        return _read(self.sort, sort), _read(self.key, key)


def _read(column: QueryableAttribute[Any], value: str) -> Any:
    kind = column.type.python_type
    return datetime.fromisoformat(value).astimezone(UTC) if kind is datetime else kind(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Which rows of a list: `limit` of them behind `after`, or, `backward`, the last ones before `before`."""

    limit: int
    after: tuple[Any, Any] | None = None
    before: tuple[Any, Any] | None = None
    backward: bool = False
    offset: int = 0


def cut(rows: Select[Any], keyset: Keyset, wanted: Slice) -> Select[Any]:
    """Return the rows of a slice, one more than its limit where there are more, backward in reverse order."""
    place = tuple_(keyset.sort, keyset.key)
    if wanted.after is not None:
        rows = rows.where(place < wanted.after if keyset.descending else place > wanted.after)
    if wanted.before is not None:
        rows = rows.where(place > wanted.before if keyset.descending else place < wanted.before)
    falling = keyset.descending != wanted.backward
    order = [column.desc() if falling else column.asc() for column in (keyset.sort, keyset.key)]
    return rows.order_by(*order).limit(wanted.limit + 1).offset(wanted.offset or None)
