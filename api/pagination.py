"""Pages: arguments checked, cursors made and read.

A cursor is opaque and bound to its list, sort and filter: it carries their digest, and its own place in it.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import orjson

from api.errors import ApiError, BadUserInput
from projections.keyset import Keyset, Place, Slice
from projections.projection import Row
from projections.statements import Found

DEFAULT_SIZE = 20
LARGEST_SIZE = 100
LARGEST_PAGE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PageArguments:
    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None
    page: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list that can be read page by page: its rows, and the order they are in. Its cursors are bound to all of it."""

    name: str
    found: Found
    keyset: Keyset


class Page:
    """The rows of a slice, in the list's own order, and what lies around them.

    `beyond`: whether the list goes on beyond the place that the slice begins at.
    """

    def __init__(self, *, rows: Sequence[Row], slice: Slice, listing: Listing, beyond: bool = False) -> None:  # noqa: A002 - the word for it
        self.slice = slice
        self._more = len(rows) > slice.limit
        self._beyond = beyond
        kept = list(rows[: slice.limit])
        self.shown = kept[::-1] if slice.backward else kept
        self._listing = listing

    def cursors(self) -> list[str]:
        return [self._cursor(row) for row in self.shown]

    @property
    def has_next_page(self) -> bool:
        return self._beyond if self.slice.backward else self._more

    @property
    def has_previous_page(self) -> bool:
        return self._more if self.slice.backward else self._beyond

    @property
    def start_cursor(self) -> str | None:
        return self._cursor(self.shown[0]) if self.shown else None

    @property
    def end_cursor(self) -> str | None:
        return self._cursor(self.shown[-1]) if self.shown else None

    def _cursor(self, row: Row) -> str:
        place = [str(value) for value in self._listing.keyset.place(row)]
        return _encode([_seal(self._listing, place), *place])


def slice_of(wanted: PageArguments, listing: Listing) -> Slice:
    """Check the arguments of a page; raise BadUserInput, or INVALID_CURSOR for a cursor of another list."""
    _check(wanted)
    size = wanted.last if wanted.last is not None else wanted.first
    limit = DEFAULT_SIZE if size is None else size
    return Slice(
        limit=limit,
        after=_place(wanted.after, listing),
        before=_place(wanted.before, listing),
        backward=wanted.last is not None,
        offset=None if wanted.page is None else (wanted.page - 1) * limit,
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


def _place(cursor: str | None, listing: Listing) -> Place | None:
    if cursor is None:
        return None
    try:
        seal, *place = _decode(cursor)
        if seal == _seal(listing, place):
            sort, key = place
            return listing.keyset.read(sort, key)
    except (ValueError, TypeError, ArithmeticError):
        pass
    raise ApiError(
        "INVALID_CURSOR", "This cursor is not of this list, its sort and its filter: take the first page again."
    )


def _seal(listing: Listing, place: Sequence[str]) -> str:
    """Return a digest of a place and of the list that it is in. It is no secret: a place in a list is nobody's."""
    keyset = listing.keyset
    sealed = repr((keyset.sort.key, keyset.descending, listing.name, listing.found.given, *place))
    return sha256(sealed.encode()).hexdigest()[:16]


def _encode(values: list[str]) -> str:
    return urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def _decode(cursor: str) -> list[str]:
    values = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("a cursor is a list of texts")
    return values
