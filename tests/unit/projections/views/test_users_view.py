"""users_view: given what a user did, when something more happens, then this row."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.events import Event
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

    @pytest.mark.parametrize("fact", [facts.PAID, facts.SHIPPED], ids=lambda fact: type(fact).__name__)
    def test_is_not_moved_by_what_happens_to_an_order_later(self, fact: facts.Fact) -> None:
        given(PROJECTION, REGISTERED, ORDERED).when(event(fact, version=2)).then(AFTER_ONE_ORDER)


class TestKey:
    @pytest.mark.parametrize(
        ("happened", "key"),
        [
            (REGISTERED, USER_ID),
            (ORDERED, USER_ID),
            (event(facts.ADDED), None),
            (event(facts.PAID), None),
            (event(facts.SHIPPED), None),
        ],
        ids=lambda value: type(value.fact).__name__ if isinstance(value, Event) else None,
    )
    def test_is_the_user_of_a_registration_and_of_an_order(self, happened: Event, key: object) -> None:
        assert PROJECTION.key(happened) == key
