"""Pages: arguments checked, cursors made and read. A cursor is opaque, and bound to its list, sort and filter."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import orjson
import strawberry

from api.errors import ApiError, BadUserInput
from projections.keyset import Keyset, Slice
from projections.projection import Row

DEFAULT_SIZE = 20
LARGEST_SIZE = 100
LARGEST_PAGE = 1_000_000
Binding = tuple[object, ...]


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageArguments:
    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None
    page: int | None = None


class Page:
    """The rows of a slice, in the list's own order, and what lies around them."""

    def __init__(self, *, rows: Sequence[Row], slice: Slice, keyset: Keyset, binding: Binding) -> None:  # noqa: A002 - the word for it
        self.slice = slice
        self._more = len(rows) > slice.limit
        kept = list(rows[: slice.limit])
        self.shown = kept[::-1] if slice.backward else kept
        self._keyset = keyset
        self._binding = binding

    def cursors(self) -> list[str]:
        return [self._cursor(row) for row in self.shown]

    def info(self) -> PageInfo:
        back = self._more if self.slice.backward else self.slice.after is not None or self.slice.offset > 0
        on = self.slice.before is not None if self.slice.backward else self._more
        return PageInfo(
            has_next_page=on,
            has_previous_page=back,
            start_cursor=self._cursor(self.shown[0]) if self.shown else None,
            end_cursor=self._cursor(self.shown[-1]) if self.shown else None,
        )

    @cached_property
    def _seal(self) -> str:
        return _seal(self._keyset, self._binding)

    def _cursor(self, row: Row) -> str:
        return _encode([self._seal, *(str(value) for value in self._keyset.place(row))])


def slice_of(wanted: PageArguments, keyset: Keyset, binding: Binding) -> Slice:
    """Check the arguments of a page; raise BadUserInput, or INVALID_CURSOR for a cursor of another list."""
    _check(wanted)
    size = wanted.last if wanted.last is not None else wanted.first
    limit = DEFAULT_SIZE if size is None else size
    return Slice(
        limit=limit,
        after=_place(wanted.after, keyset, binding),
        before=_place(wanted.before, keyset, binding),
        backward=wanted.last is not None,
        offset=0 if wanted.page is None else (wanted.page - 1) * limit,
    )


def _check(wanted: PageArguments) -> None:
    for name, size in (("first", wanted.first), ("last", wanted.last)):
        if size is not None and not 1 <= size <= LARGEST_SIZE:
            raise BadUserInput(f"{name} must be between 1 and {LARGEST_SIZE}; this one is {size}.")
    if wanted.first is not None and wanted.last is not None:
        raise BadUserInput("Give either first or last, not both.")
    if wanted.page is None:
        return
    if (wanted.after, wanted.before, wanted.last) != (None, None, None):
        raise BadUserInput("page counts from the start: give it without after, before and last.")
    if not 1 <= wanted.page <= LARGEST_PAGE:
        raise BadUserInput(f"page must be between 1 and {LARGEST_PAGE}; this one is {wanted.page}.")


def _place(cursor: str | None, keyset: Keyset, binding: Binding) -> tuple[Any, Any] | None:
    if cursor is None:
        return None
    try:
        seal, sort, key = _decode(cursor)
        if seal == _seal(keyset, binding) and "\0" not in sort:
            return keyset.read(sort, key)
    except (ValueError, TypeError, ArithmeticError):
        pass
    raise ApiError(
        "INVALID_CURSOR", "This cursor is not of this list, its sort and its filter: take the first page again."
    )


def _seal(keyset: Keyset, binding: Binding) -> str:
    return sha256(repr((keyset.sort.key, keyset.descending, binding)).encode()).hexdigest()[:12]


def _encode(values: list[str]) -> str:
    return urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def _decode(cursor: str) -> list[str]:
    values = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("a cursor is a list of texts")
    return values
