"""Pages: sizes within limits, and cursors that lead back to their place in their own list, and nowhere else."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import ApiError
from api.pagination import Listing, Page, PageArguments, _seal, slice_of
from projections.keyset import Keyset, Slice
from projections.search import words_of
from projections.statements import found
from projections.views import products_view
from projections.views.products_view import BY_NAME
from projections.views.user_orders_view import NEWEST_FIRST, UserOrdersView
from tests.support.facts import ORDER_ID, START, TEA_ID, USER_ID

NAME = "products"
TEA = {"name": "Tea", "product_id": TEA_ID}
MUG = {"name": "Mug", "product_id": USER_ID}
ZINC = {"name": "Zinc", "product_id": ORDER_ID}
NO_CURSOR = {
    "code": "INVALID_CURSOR",
    "message": "This cursor is not of this list, its sort and its filter: take the first page again.",
}


def error(ask: Callable[..., object], *args: Any) -> dict[str, Any]:
    with pytest.raises(ApiError) as caught:
        ask(*args)
    return {**(caught.value.extensions or {}), "message": caught.value.message}


def sliced(keyset: Keyset = BY_NAME, name: str = NAME, **wanted: Any) -> Slice:
    return slice_of(PageArguments(**wanted), listing(keyset, name))


def listing(keyset: Keyset = BY_NAME, name: str = NAME) -> Listing:
    return Listing(name=name, found=found(products_view.matching), keyset=keyset)


def page(*rows: dict[str, Any], keyset: Keyset = BY_NAME, beyond: bool = False, **wanted: Any) -> Page:
    return Page(rows=rows, slice=Slice(**wanted), listing=listing(keyset), beyond=beyond)


def cursor(row: dict[str, Any], keyset: Keyset = BY_NAME) -> str:
    [made] = page(row, keyset=keyset, limit=1).cursors()
    return made


def around(page: Page) -> tuple[bool, bool, str | None, str | None]:
    return page.has_previous_page, page.has_next_page, page.start_cursor, page.end_cursor


def forged(*place: Any, keyset: Keyset = BY_NAME) -> str:
    """Return a cursor as somebody would make it who knows how: sealed, with a place of his own."""
    return encoded(orjson.dumps([_seal(listing(keyset), place), *place]))


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def decoded(made: str) -> bytes:
    return urlsafe_b64decode(made + "=" * (-len(made) % 4))


class TestSliceOf:
    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            ({}, Slice(limit=20)),
            ({"first": 1}, Slice(limit=1)),
            ({"first": 100}, Slice(limit=100)),
            ({"last": 100}, Slice(limit=100, backward=True)),
            ({"page": 1}, Slice(limit=20, offset=0)),
            ({"page": 3}, Slice(limit=20, offset=40)),
            ({"page": 3, "first": 5}, Slice(limit=5, offset=10)),
            ({"page": 1_000_000, "first": 100}, Slice(limit=100, offset=99_999_900)),
            ({"first": 5, "after": cursor(TEA)}, Slice(limit=5, after=("Tea", TEA_ID))),
            ({"last": 5, "before": cursor(TEA)}, Slice(limit=5, before=("Tea", TEA_ID), backward=True)),
            (
                {"first": 5, "after": cursor(MUG), "before": cursor(TEA)},
                Slice(limit=5, after=("Mug", USER_ID), before=("Tea", TEA_ID)),
            ),
        ],
    )
    def test_is_what_was_asked_for(self, wanted: dict[str, Any], expected: Slice) -> None:
        assert sliced(**wanted) == expected

    @pytest.mark.parametrize("name", ["first", "last"])
    @pytest.mark.parametrize("size", [0, -1, 101, 2**31 - 1])
    def test_is_refused_beyond_its_limits(self, name: str, size: int) -> None:
        assert error(lambda: sliced(**{name: size})) == {
            "code": "BAD_USER_INPUT",
            "message": f"{name} must be between 1 and 100; this one is {size}.",
        }

    def test_is_refused_in_both_directions_at_once(self) -> None:
        assert error(lambda: sliced(first=1, last=1)) == {
            "code": "BAD_USER_INPUT",
            "message": "Give either first or last, not both.",
        }

    @pytest.mark.parametrize("given", [{"after": cursor(TEA)}, {"before": cursor(TEA)}, {"last": 5}])
    def test_is_refused_with_a_page_number_and_a_place(self, given: dict[str, Any]) -> None:
        assert error(lambda: sliced(page=1, **given)) == {
            "code": "BAD_USER_INPUT",
            "message": "page counts from the start: give it without after, before and last.",
        }

    @pytest.mark.parametrize("number", [0, -1, 1_000_001])
    def test_is_refused_for_a_page_that_there_cannot_be(self, number: int) -> None:
        assert error(lambda: sliced(page=number)) == {
            "code": "BAD_USER_INPUT",
            "message": f"page must be between 1 and 1000000; this one is {number}.",
        }


class TestCursor:
    @given(st.text(), st.uuids())
    def test_leads_back_to_its_place_in_a_list_by_text(self, name: str, key: UUID) -> None:
        made = cursor({"name": name, "product_id": key})
        assert sliced(after=made) == Slice(limit=20, after=(name, key))
        assert made.isascii()

    @given(st.datetimes(min_value=datetime(1, 1, 1), timezones=st.just(UTC)), st.uuids())  # noqa: DTZ001
    def test_leads_back_to_its_place_in_a_list_by_time(self, at: datetime, key: UUID) -> None:
        made = cursor({"created_at": at, "order_id": key}, NEWEST_FIRST)
        assert sliced(NEWEST_FIRST, before=made) == Slice(limit=20, before=(at, key))

    @pytest.mark.parametrize("name", ["Tea, \"green\" 'leaf'", "\\", "\u8336 \U0001f375", "\u2028", "]", "null"])
    def test_holds_any_text(self, name: str) -> None:
        assert sliced(after=cursor(TEA | {"name": name})).after == (name, TEA_ID)

    @pytest.mark.parametrize(
        "filtered", [{"words": words_of("tea")}, {"retired": True}, {"retired": False}, {"in_stock": True}], ids=str
    )
    def test_is_refused_where_the_list_is_filtered_in_another_way(self, filtered: dict[str, Any]) -> None:
        other = Listing(name=NAME, found=found(products_view.matching, **filtered), keyset=BY_NAME)
        assert error(lambda: slice_of(PageArguments(after=cursor(TEA)), other)) == NO_CURSOR

    def test_is_refused_in_another_list(self) -> None:
        assert error(lambda: sliced(name="userOrders", after=cursor(TEA))) == NO_CURSOR

    def test_is_refused_in_another_sort(self) -> None:
        falling = Keyset(BY_NAME.sort, BY_NAME.key, descending=True)
        assert error(lambda: sliced(falling, after=cursor(TEA))) == NO_CURSOR
        assert error(lambda: sliced(NEWEST_FIRST, after=cursor(TEA))) == NO_CURSOR

    @pytest.mark.parametrize("name", ["after", "before"])
    @pytest.mark.parametrize(
        "given",
        [
            "",
            "tea",
            "\u8336",
            "A",
            cursor(TEA)[:-8],
            cursor(TEA)[8:],
            cursor(TEA) + cursor(TEA),
            encoded(b"null"),
            encoded(b"[]"),
            encoded(b'{"a": 1, "b": 2, "c": 3}'),
            encoded(b"[" * 100_000),
            encoded(b"\xff\xfe"),
            encoded(orjson.dumps(["0" * 12, "Tea", str(TEA_ID)])),
            encoded(orjson.dumps([orjson.loads(decoded(cursor(TEA)))[0], "Tea", str(USER_ID)])),
            encoded(orjson.dumps([orjson.loads(decoded(cursor(TEA)))[0], "Teb", str(TEA_ID)])),
            forged("Tea"),
            forged("Tea", "no id"),
            forged("Tea", str(TEA_ID), "more"),
        ],
    )
    def test_is_refused_unless_it_is_one(self, name: str, given: str) -> None:
        assert error(lambda: sliced(**{name: given})) == NO_CURSOR

    @pytest.mark.parametrize(
        "place", [("Tea", 5), ("Tea", None), ("Tea", []), (5, str(TEA_ID)), (None, str(TEA_ID)), ({}, str(TEA_ID))]
    )
    def test_is_refused_with_a_place_that_is_no_text(self, place: tuple[object, object]) -> None:
        assert error(lambda: sliced(after=forged(*place))) == NO_CURSOR

    def test_is_refused_with_a_moment_before_all_time(self) -> None:
        before_time = forged("0001-01-01 00:00:00+14:00", str(TEA_ID), keyset=NEWEST_FIRST)
        assert error(lambda: sliced(NEWEST_FIRST, after=before_time)) == NO_CURSOR

    @pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e60", "1e-60", "1e999999", "", "ten"])
    def test_is_refused_with_an_amount_that_no_order_can_have(self, amount: str) -> None:
        keyset = Keyset(UserOrdersView.total, UserOrdersView.order_id)
        made = forged(amount, str(ORDER_ID), keyset=keyset)
        assert error(lambda: sliced(keyset, after=made)) == NO_CURSOR

    @given(st.decimals(min_value=0, max_value=10**12, places=2), st.uuids())
    def test_leads_back_to_its_place_in_a_list_by_amount(self, total: Decimal, key: UUID) -> None:
        keyset = Keyset(UserOrdersView.total, UserOrdersView.order_id, descending=True)
        made = cursor({"total": total, "order_id": key}, keyset)
        assert sliced(keyset, after=made) == Slice(limit=20, after=(total, key))

    def test_is_refused_with_text_that_no_row_can_hold(self) -> None:
        assert error(lambda: sliced(after=forged("Tea\0", str(TEA_ID)))) == NO_CURSOR


class TestPage:
    def test_keeps_as_many_rows_as_were_asked_for(self) -> None:
        assert page(MUG, TEA, ZINC, limit=2).shown == [MUG, TEA]

    def test_shows_the_rows_of_a_backward_slice_in_the_order_of_the_list(self) -> None:
        assert page(ZINC, TEA, MUG, limit=2, backward=True).shown == [TEA, ZINC]

    @pytest.mark.parametrize(
        ("rows", "wanted", "back", "on"),
        [
            ((MUG, TEA, ZINC), {"limit": 2}, False, True),
            ((MUG, TEA), {"limit": 2}, False, False),
            ((MUG, TEA, ZINC), {"limit": 2, "after": ("A", TEA_ID), "beyond": True}, True, True),
            ((MUG, TEA), {"limit": 2, "after": ("A", TEA_ID), "beyond": False}, False, False),
            ((MUG, TEA), {"limit": 2, "offset": 2, "beyond": True}, True, False),
            ((TEA, MUG), {"limit": 2, "backward": True}, False, False),
            ((TEA, MUG, ZINC), {"limit": 2, "backward": True, "before": ("Z", TEA_ID), "beyond": True}, True, True),
            ((TEA, MUG), {"limit": 2, "backward": True, "before": ("Z", TEA_ID), "beyond": False}, False, False),
        ],
    )
    def test_knows_what_lies_around_it(
        self, rows: tuple[dict[str, Any], ...], wanted: dict[str, Any], back: bool, on: bool
    ) -> None:
        shown = page(*rows, **wanted)
        assert around(shown) == (back, on, cursor(shown.shown[0]), cursor(shown.shown[-1]))

    def test_has_no_cursors_where_it_is_empty(self) -> None:
        assert page(limit=2).cursors() == []
        assert around(page(limit=2)) == (False, False, None, None)

    def test_leads_from_each_row_to_the_next(self) -> None:
        moments = [START - timedelta(microseconds=step) for step in range(3)]
        rows = [{"created_at": at, "order_id": ORDER_ID} for at in moments]
        cursors = page(*rows, keyset=NEWEST_FIRST, limit=3).cursors()
        assert [sliced(NEWEST_FIRST, after=made).after for made in cursors] == [(at, ORDER_ID) for at in moments]
