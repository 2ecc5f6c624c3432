"""users_view: given what a user did, when something more happens, then this row."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.events import Fact
from projections.views.users_view import PROJECTION
from tests.support import facts
from tests.support.deciding import given
from tests.support.facts import START, USER_ID, event

REGISTERED = event(facts.REGISTERED)
ORDERED = event(facts.CREATED, minutes=5)
ADA = {
    "user_id": USER_ID,
    "name": "Ada",
    "email": "ada@example.com",
    "order_count": 0,
    "total_spent": Decimal("0.00"),
    "currency": "USD",
    "last_order_at": None,
    "created_at": START,
    "updated_at": START,
    "version": 1,
}
AFTER_ONE_ORDER = ADA | {
    "order_count": 1,
    "total_spent": Decimal("19.99"),
    "last_order_at": START + timedelta(minutes=5),
}
UNCONCERNED = (facts.PAID, facts.SHIPPED, facts.DELIVERED)


class TestFold:
    def test_begins_with_the_registration(self) -> None:
        given(PROJECTION).when(REGISTERED).then(ADA)

    def test_counts_an_order_and_what_it_costs(self) -> None:
        given(PROJECTION, REGISTERED).when(ORDERED).then(AFTER_ONE_ORDER)

    def test_adds_the_next_order_to_that(self) -> None:
        later = event(replace(facts.CREATED, total=Decimal("0.02")), minutes=9)
        given(PROJECTION, REGISTERED, ORDERED).when(later).then(
            ADA
            | {
                "order_count": 2,
                "total_spent": Decimal("20.01"),
                "last_order_at": START + timedelta(minutes=9),
            }
        )

    def test_keeps_the_latest_order_where_an_imported_one_is_older(self) -> None:
        older = event(replace(facts.CREATED, total=Decimal("0.02")), minutes=2)
        given(PROJECTION, REGISTERED, ORDERED).when(older).then(
            AFTER_ONE_ORDER | {"order_count": 2, "total_spent": Decimal("20.01")}
        )

    def test_shows_a_new_name(self) -> None:
        renamed = event(facts.RENAMED, version=2, minutes=7)
        changed = {"name": "Ada Lovelace", "version": 2, "updated_at": START + timedelta(minutes=7)}
        given(PROJECTION, REGISTERED, ORDERED).when(renamed).then(AFTER_ONE_ORDER | changed)

    def test_shows_a_new_address(self) -> None:
        moved = event(facts.EMAIL_CHANGED, version=2, minutes=7)
        changed = {"email": "lovelace@example.com", "version": 2, "updated_at": START + timedelta(minutes=7)}
        given(PROJECTION, REGISTERED, ORDERED).when(moved).then(AFTER_ONE_ORDER | changed)

    @pytest.mark.parametrize(
        ("fact", "spent"),
        [
            (facts.ITEM_ADDED, "34.99"),
            (facts.QUANTITY_CHANGED, "49.96"),
            (replace(facts.QUANTITY_CHANGED, quantity=1), "10.00"),
            (facts.ITEM_REMOVED, "19.98"),
            (facts.CANCELLED, "0.00"),
            (facts.REFUNDED, "0.00"),
            (replace(facts.REFUNDED, restocked=True), "0.00"),
        ],
        ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
    )
    def test_spends_more_or_less_with_what_happens_to_an_order(self, fact: Fact, spent: str) -> None:
        later = event(fact, version=2, minutes=9)
        given(PROJECTION, REGISTERED, ORDERED).when(later).then(AFTER_ONE_ORDER | {"total_spent": Decimal(spent)})

    @pytest.mark.parametrize("fact", UNCONCERNED, ids=lambda fact: type(fact).__name__)
    def test_is_not_moved_by_what_costs_nothing(self, fact: Fact) -> None:
        given(PROJECTION, REGISTERED, ORDERED).when(event(fact, version=2)).then(AFTER_ONE_ORDER)

    def test_spends_in_the_currency_of_the_registration(self) -> None:
        in_yen = event(replace(facts.REGISTERED, currency="JPY"))
        given(PROJECTION).when(in_yen).then(ADA | {"currency": "JPY", "total_spent": Decimal(0)})
        assert str(PROJECTION.fold(None, in_yen)["total_spent"]) == "0"


class TestKey:
    @pytest.mark.parametrize(
        "fact",
        [fact for fact in facts.ALL if fact not in UNCONCERNED and "Product" not in type(fact).__name__],
        ids=lambda fact: type(fact).__name__,
    )
    def test_is_the_user_who_did_it_or_who_pays(self, fact: Fact) -> None:
        assert PROJECTION.key(event(fact)) == USER_ID

    @pytest.mark.parametrize(
        "fact",
        [*UNCONCERNED, *(fact for fact in facts.ALL if type(fact).__name__.startswith("Product"))],
        ids=lambda fact: type(fact).__name__,
    )
    def test_is_none_of_anything_else(self, fact: Fact) -> None:
        assert PROJECTION.key(event(fact)) is None
