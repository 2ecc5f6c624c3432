"""Pages of a select by keyset: where the last page ended, not how many rows came before it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, tuple_
from sqlalchemy.orm import QueryableAttribute


class Keyset:
    """An order that a list is offered in: a sort column, and the key that makes it total."""

    def __init__(self, sort: Any, key: Any, *, descending: bool = False) -> None:
        self.sort: QueryableAttribute[Any] = sort
        self.key: QueryableAttribute[Any] = key
        self.descending = descending

    def place(self, row: Any) -> tuple[Any, Any]:
        """Return where a row stands in this order."""
        return getattr(row, self.sort.key), getattr(row, self.key.key)


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
