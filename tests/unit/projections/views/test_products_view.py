"""products_view: a row by fold, and what orders take by additions that come in any order."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.events import Fact
from projections.search import words_of
from projections.views.products_view import PROJECTION, by_id, matching
from tests.support import facts
from tests.support.deciding import given
from tests.support.facts import MUG_ID, POT_ID, START, TEA_ID, event
from tests.support.statements import conditions

TEA = {
    "product_id": TEA_ID,
    "sku": "TEA",
    "name": "Tea, green",
    "price": Decimal("9.99"),
    "currency": "USD",
    "stocked": 100,
    "retired": False,
    "created_at": START,
    "updated_at": START,
    "version": 1,
}
OF_ORDERS = [fact for fact in facts.ALL if type(fact).__name__.startswith("Order")]
UNCOUNTED = [
    *(fact for fact in facts.ALL if fact not in OF_ORDERS),
    facts.PAID,
    facts.SHIPPED,
    facts.DELIVERED,
]


class TestFold:
    def test_begins_when_a_product_is_added(self) -> None:
        given(PROJECTION).when(event(facts.ADDED)).then(TEA)

    def test_begins_again_over_a_row_that_has_only_counters(self) -> None:
        assert PROJECTION.fold(dict.fromkeys(TEA) | {"product_id": TEA_ID}, event(facts.ADDED)) == TEA

    def test_shows_a_new_name(self) -> None:
        then_tea(facts.PRODUCT_RENAMED, name="Tea, black")

    def test_shows_a_new_price(self) -> None:
        then_tea(facts.PRICE_CHANGED, price=Decimal("12.50"))

    def test_shows_a_new_price_in_another_currency(self) -> None:
        in_yen = replace(facts.PRICE_CHANGED, price=Decimal(1200), currency="JPY")
        then_tea(in_yen, price=Decimal(1200), currency="JPY")

    @pytest.mark.parametrize(("quantity", "stocked"), [(-20, 80), (5, 105)])
    def test_shows_pieces_that_came_or_went(self, quantity: int, stocked: int) -> None:
        then_tea(replace(facts.RESTOCKED, quantity=quantity), stocked=stocked)

    def test_shows_that_it_is_retired(self) -> None:
        then_tea(facts.RETIRED, retired=True)

    @pytest.mark.parametrize("fact", OF_ORDERS, ids=lambda fact: type(fact).__name__)
    def test_is_not_moved_by_an_order(self, fact: Fact) -> None:
        given(PROJECTION, event(facts.ADDED)).when(event(fact)).then(TEA)


def then_tea(fact: Fact, **changed: object) -> None:
    """Given tea, when this happens to it, then so much of it is changed."""
    later = event(fact, version=2, minutes=7)
    common = {"version": 2, "updated_at": START + timedelta(minutes=7)}
    given(PROJECTION, event(facts.ADDED)).when(later).then(TEA | common | changed)


class TestAdd:
    def test_counts_every_line_of_an_order(self) -> None:
        assert list(PROJECTION.add(event(facts.CREATED))) == [
            ((TEA_ID,), {"units_sold": 2, "revenue": Decimal("19.98")}),
            ((MUG_ID,), {"units_sold": 1, "revenue": Decimal("0.01")}),
        ]

    def test_counts_an_added_item(self) -> None:
        assert list(PROJECTION.add(event(facts.ITEM_ADDED))) == [
            ((POT_ID,), {"units_sold": 3, "revenue": Decimal("15.00")})
        ]

    @pytest.mark.parametrize(("quantity", "units", "revenue"), [(5, 3, "29.97"), (1, -1, "-9.99")])
    def test_counts_the_difference_of_a_changed_quantity(self, quantity: int, units: int, revenue: str) -> None:
        changed = replace(facts.QUANTITY_CHANGED, quantity=quantity)
        assert list(PROJECTION.add(event(changed))) == [((TEA_ID,), {"units_sold": units, "revenue": Decimal(revenue)})]

    def test_takes_a_removed_item_back(self) -> None:
        assert list(PROJECTION.add(event(facts.ITEM_REMOVED))) == [
            ((MUG_ID,), {"units_sold": -1, "revenue": Decimal("-0.01")})
        ]

    @pytest.mark.parametrize(
        "fact", [facts.CANCELLED, replace(facts.REFUNDED, restocked=True)], ids=lambda fact: type(fact).__name__
    )
    def test_takes_every_line_back_of_an_order_whose_pieces_come_back(self, fact: Fact) -> None:
        assert list(PROJECTION.add(event(fact))) == [
            ((TEA_ID,), {"units_sold": -2, "revenue": Decimal("-19.98")}),
            ((MUG_ID,), {"units_sold": -1, "revenue": Decimal("-0.01")}),
        ]

    def test_takes_only_the_money_back_where_the_pieces_are_gone(self) -> None:
        assert list(PROJECTION.add(event(facts.REFUNDED))) == [
            ((TEA_ID,), {"units_sold": 0, "revenue": Decimal("-19.98")}),
            ((MUG_ID,), {"units_sold": 0, "revenue": Decimal("-0.01")}),
        ]

    @pytest.mark.parametrize("fact", UNCOUNTED, ids=lambda fact: type(fact).__name__)
    def test_counts_nothing_else(self, fact: Fact) -> None:
        assert list(PROJECTION.add(event(fact))) == []


class TestKey:
    @pytest.mark.parametrize(
        "fact",
        [fact for fact in facts.ALL if type(fact).__name__.startswith("Product")],
        ids=lambda fact: type(fact).__name__,
    )
    def test_is_the_product(self, fact: Fact) -> None:
        assert PROJECTION.key(event(fact)) == TEA_ID

    @pytest.mark.parametrize(
        "fact",
        [fact for fact in facts.ALL if not type(fact).__name__.startswith("Product")],
        ids=lambda fact: type(fact).__name__,
    )
    def test_is_none_of_a_user_or_an_order(self, fact: Fact) -> None:
        assert PROJECTION.key(event(fact)) is None


def listed(**wanted: Any) -> str:
    [products] = matching(**wanted)
    return conditions(products)


class TestSelects:
    """A row without a version has only counters yet; none of them may show it."""

    def test_find_a_product(self) -> None:
        assert conditions(by_id(TEA_ID)) == (f"WHERE version IS NOT NULL AND product_id = '{TEA_ID}'")

    def test_list_all_without_a_filter(self) -> None:
        assert listed() == "WHERE version IS NOT NULL"

    def test_search_for_the_very_text(self) -> None:
        text = "(((' ' || name) || ' ') || sku)"
        assert listed(words=words_of("50%_off tea")) == (
            f"WHERE version IS NOT NULL AND {text} ILIKE '%%50\\%%\\_off%%' AND {text} ILIKE '%%tea%%'"
        )

    def test_ask_for_retired_ones(self) -> None:
        assert listed(retired=True) == ("WHERE version IS NOT NULL AND retired = true")

    @pytest.mark.parametrize(("in_stock", "sign"), [(True, ">"), (False, "<=")])
    def test_ask_for_what_is_left_where_uncounted_is_always_left(self, in_stock: bool, sign: str) -> None:
        assert listed(in_stock=in_stock) == (
            f"WHERE version IS NOT NULL AND coalesce(stocked - units_sold, 1) {sign} 0"
        )
