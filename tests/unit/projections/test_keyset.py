"""Pages by keyset: the SQL of a slice in both directions, and places that survive being written down."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql

from projections.keyset import Keyset, Slice, beyond, cut
from projections.views.products_view import BY_NAME
from projections.views.user_orders_view import NEWEST_FIRST, UserOrdersView, Wanted, matching
from tests.support.facts import ORDER_ID, START, TEA_ID
from tests.support.statements import conditions

TEA = ("Tea", TEA_ID)
ORDER = (START, ORDER_ID)


def sql(keyset: Keyset, **wanted: Any) -> str:
    return conditions(cut([select(keyset.key.class_)], keyset, Slice(**wanted), columns=()))


def whole(statement: Select[Any]) -> str:
    compiled = statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    return " ".join(str(compiled).split())


class TestCut:
    """One row more than the limit is asked for: it tells whether there is a next page."""

    def test_of_a_rising_list_begins_at_its_start(self) -> None:
        assert sql(BY_NAME, limit=2) == "ORDER BY name ASC, product_id ASC LIMIT 3"

    def test_of_a_rising_list_goes_on_behind_a_place(self) -> None:
        assert sql(BY_NAME, limit=2, after=TEA) == (
            f"WHERE (name, product_id) > ('Tea', '{TEA_ID}') ORDER BY name ASC, product_id ASC LIMIT 3"
        )

    def test_of_a_rising_list_goes_back_from_a_place(self) -> None:
        assert sql(BY_NAME, limit=2, before=TEA, backward=True) == (
            f"WHERE (name, product_id) < ('Tea', '{TEA_ID}') ORDER BY name DESC, product_id DESC LIMIT 3"
        )

    def test_of_a_falling_list_begins_at_its_start(self) -> None:
        assert sql(NEWEST_FIRST, limit=2) == "ORDER BY created_at DESC, order_id DESC LIMIT 3"

    def test_of_a_falling_list_goes_on_behind_a_place(self) -> None:
        assert sql(NEWEST_FIRST, limit=2, after=ORDER) == (
            f"WHERE (created_at, order_id) < ('{START}', '{ORDER_ID}') ORDER BY created_at DESC, order_id DESC LIMIT 3"
        )

    def test_of_a_falling_list_goes_back_from_a_place(self) -> None:
        assert sql(NEWEST_FIRST, limit=2, before=ORDER, backward=True) == (
            f"WHERE (created_at, order_id) > ('{START}', '{ORDER_ID}') ORDER BY created_at ASC, order_id ASC LIMIT 3"
        )

    def test_begins_at_the_end_of_a_list(self) -> None:
        assert sql(BY_NAME, limit=2, backward=True) == "ORDER BY name DESC, product_id DESC LIMIT 3"

    def test_lies_between_two_places(self) -> None:
        assert sql(BY_NAME, limit=2, after=TEA, before=("Zinc", TEA_ID)) == (
            f"WHERE (name, product_id) > ('Tea', '{TEA_ID}') AND (name, product_id) < ('Zinc', '{TEA_ID}') "
            "ORDER BY name ASC, product_id ASC LIMIT 3"
        )

    def test_skips_pages_that_are_counted(self) -> None:
        assert sql(BY_NAME, limit=2, offset=40) == "ORDER BY name ASC, product_id ASC LIMIT 3 OFFSET 40"

    def test_of_several_parts_takes_no_more_of_each_than_may_be_needed_and_merges_them(self) -> None:
        wanted = Slice(limit=2, after=ORDER, offset=1)
        merged = cut(matching(Wanted(statuses=("paid", "pending"))), NEWEST_FIRST, wanted, columns=())
        part = (
            "(SELECT user_orders_view.order_id AS order_id, user_orders_view.created_at AS created_at "
            "FROM user_orders_view WHERE user_orders_view.status = '{}' "
            f"AND (user_orders_view.created_at, user_orders_view.order_id) < ('{START}', '{ORDER_ID}') "
            "ORDER BY user_orders_view.created_at DESC, user_orders_view.order_id DESC LIMIT 4)"
        )
        both = f"{part.format('paid')} UNION ALL {part.format('pending')}"
        assert whole(merged) == (
            f"SELECT merged.order_id, merged.created_at FROM ({both}) AS merged "
            "ORDER BY merged.created_at DESC, merged.order_id DESC LIMIT 3 OFFSET 1"
        )


class TestCutWithEdge:
    """It begins a row earlier: with that of the cursor, if it is still in the list."""

    @pytest.mark.parametrize(
        ("wanted", "within", "order"),
        [({"after": ORDER}, "<=", "DESC"), ({"before": ORDER, "backward": True}, ">=", "ASC")],
    )
    def test_takes_the_row_of_the_cursor_too(self, wanted: dict[str, Any], within: str, order: str) -> None:
        found = cut([select(UserOrdersView)], NEWEST_FIRST, Slice(limit=2, **wanted), columns=(), with_edge=True)
        assert whole(found) == (
            "SELECT user_orders_view.order_id, user_orders_view.created_at "
            "FROM user_orders_view WHERE (user_orders_view.created_at, user_orders_view.order_id) "
            f"{within} ('{START}', '{ORDER_ID}') "
            f"ORDER BY user_orders_view.created_at {order}, user_orders_view.order_id {order} LIMIT 4"
        )

    def test_does_not_touch_the_other_end_of_the_slice(self) -> None:
        wanted = Slice(limit=2, after=ORDER, before=ORDER)
        found = cut([select(UserOrdersView)], NEWEST_FIRST, wanted, columns=(), with_edge=True)
        assert re.findall(r"order_id\) (\S+) \(", whole(found)) == ["<=", ">"]

    def test_of_a_page_by_number_takes_the_row_before(self) -> None:
        found = cut([select(UserOrdersView)], NEWEST_FIRST, Slice(limit=2, offset=40), columns=(), with_edge=True)
        assert whole(found).endswith("LIMIT 4 OFFSET 39")


class TestBeyond:
    @pytest.mark.parametrize(
        ("wanted", "away", "order"),
        [({"after": ORDER}, ">", "ASC"), ({"before": ORDER, "backward": True}, "<", "DESC")],
    )
    def test_looks_away_from_the_slice(self, wanted: dict[str, Any], away: str, order: str) -> None:
        found = whole(beyond([select(UserOrdersView)], NEWEST_FIRST, Slice(limit=2, **wanted)))
        assert f"order_id) {away} ('{START}', '{ORDER_ID}')" in found
        assert found.endswith(f"created_at {order}, user_orders_view.order_id {order} LIMIT 1")

    def test_of_a_page_by_number_finds_any_row(self) -> None:
        found = whole(beyond([select(UserOrdersView)], NEWEST_FIRST, Slice(limit=2, offset=40)))
        assert "WHERE" not in found
        assert found.endswith("LIMIT 1")


class TestPlace:
    def test_is_where_a_row_stands(self) -> None:
        assert BY_NAME.place({"name": "Tea", "product_id": TEA_ID, "sku": "TEA"}) == TEA
        assert NEWEST_FIRST.place({"created_at": START, "order_id": ORDER_ID}) == ORDER

    @pytest.mark.parametrize(
        ("keyset", "place"),
        [
            (BY_NAME, ("Th\u00e9 \"vert\", 'fin' \U0001f375", UUID(int=0))),
            (NEWEST_FIRST, (datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC), ORDER_ID)),
        ],
    )
    def test_is_read_as_it_was_written_down(self, keyset: Keyset, place: tuple[Any, Any]) -> None:
        assert keyset.read(str(place[0]), str(place[1])) == place

    @pytest.mark.parametrize(
        ("keyset", "sort", "key"),
        [
            (BY_NAME, "Tea", "no id"),
            (BY_NAME, "Tea", ""),
            (NEWEST_FIRST, "yesterday", str(ORDER_ID)),
            (NEWEST_FIRST, "10000-01-01T00:00:00+00:00", str(ORDER_ID)),
            (NEWEST_FIRST, str(START), "no id"),
        ],
    )
    def test_is_refused_where_it_is_none(self, keyset: Keyset, sort: str, key: str) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 - whichever the reader of that kind says
            keyset.read(sort, key)
