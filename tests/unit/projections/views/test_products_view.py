"""products_view: a row by fold, and what orders take by additions that come in any order."""

from decimal import Decimal

import pytest

from domain.events import Event
from projections.views.products_view import PROJECTION, by_id, matching
from tests.support import facts
from tests.support.deciding import given
from tests.support.facts import MUG_ID, START, TEA_ID, event
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


class TestFold:
    def test_begins_when_a_product_is_added(self) -> None:
        given(PROJECTION).when(event(facts.ADDED)).then(TEA)

    def test_begins_again_over_a_row_that_has_only_counters(self) -> None:
        assert PROJECTION.fold(dict.fromkeys(TEA) | {"product_id": TEA_ID}, event(facts.ADDED)) == TEA

    def test_is_not_moved_by_an_order(self) -> None:
        given(PROJECTION, event(facts.ADDED)).when(event(facts.CREATED)).then(TEA)


class TestAdd:
    def test_counts_every_line_of_an_order(self) -> None:
        assert list(PROJECTION.add(event(facts.CREATED))) == [
            (TEA_ID, {"units_sold": 2, "revenue": Decimal("19.98")}),
            (MUG_ID, {"units_sold": 1, "revenue": Decimal("0.01")}),
        ]

    @pytest.mark.parametrize(
        "fact", [facts.REGISTERED, facts.ADDED, facts.PAID, facts.SHIPPED], ids=lambda fact: type(fact).__name__
    )
    def test_counts_nothing_else(self, fact: facts.Fact) -> None:
        assert list(PROJECTION.add(event(fact))) == []


class TestKey:
    @pytest.mark.parametrize(
        ("happened", "key"),
        [
            (event(facts.ADDED), TEA_ID),
            (event(facts.CREATED), None),
            (event(facts.REGISTERED), None),
        ],
        ids=lambda value: type(value.fact).__name__ if isinstance(value, Event) else None,
    )
    def test_is_the_product(self, happened: Event, key: object) -> None:
        assert PROJECTION.key(happened) == key


class TestSelects:
    """A row without a version has only counters yet; none of them may show it."""

    def test_find_a_product(self) -> None:
        assert conditions(by_id(TEA_ID)) == (f"WHERE version IS NOT NULL AND product_id = '{TEA_ID}'")

    def test_list_all_without_a_filter(self) -> None:
        assert conditions(matching()) == "WHERE version IS NOT NULL"

    def test_search_for_the_very_text(self) -> None:
        sql = conditions(matching(search="50%_off"))
        assert sql.count("'50/%%/_off'") == 2
        assert sql.count("ESCAPE '/'") == 2

    def test_ask_for_retired_ones(self) -> None:
        assert conditions(matching(retired=True)) == ("WHERE version IS NOT NULL AND retired = true")

    @pytest.mark.parametrize(("in_stock", "sign"), [(True, ">"), (False, "<=")])
    def test_ask_for_what_is_left_where_uncounted_is_always_left(self, in_stock: bool, sign: str) -> None:
        assert conditions(matching(in_stock=in_stock)) == (
            f"WHERE version IS NOT NULL AND coalesce(stocked - units_sold, 1) {sign} 0"
        )
