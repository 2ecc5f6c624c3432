"""user_orders_view: given what happened to an order, when something more happens, then this row."""

from datetime import timedelta
from decimal import Decimal

import pytest

from domain.events import Event
from domain.order import Status
from projections.views.user_orders_view import PROJECTION, by_id, count, of_user
from tests.support import facts
from tests.support.deciding import given
from tests.support.facts import MUG_ID, ORDER_ID, START, TEA_ID, USER_ID, event
from tests.support.statements import conditions

CREATED = event(facts.CREATED)
PAID = event(facts.PAID, version=2, minutes=1)
SHIPPED = event(facts.SHIPPED, version=3, minutes=2)
PENDING_ORDER = {
    "order_id": ORDER_ID,
    "number": "100001",
    "user_id": USER_ID,
    "user_name": "Ada",
    "user_email": "ada@example.com",
    "total": Decimal("19.99"),
    "currency": "USD",
    "item_count": 2,
    "item_names": "Tea, green, Mug",
    "items": [
        {
            "product_id": TEA_ID,
            "sku": "TEA",
            "name": "Tea, green",
            "quantity": 2,
            "unit_price": Decimal("9.99"),
            "line_total": Decimal("19.98"),
        },
        {
            "product_id": MUG_ID,
            "sku": "MUG",
            "name": "Mug",
            "quantity": 1,
            "unit_price": Decimal("0.01"),
            "line_total": Decimal("0.01"),
        },
    ],
    "status": "pending",
    "payment_reference": None,
    "carrier": None,
    "tracking_number": None,
    "cancellation_reason": None,
    "created_at": START,
    "updated_at": START,
    "version": 1,
    "stale": False,
}
PAID_ORDER = PENDING_ORDER | {
    "status": "paid",
    "payment_reference": "pi_1",
    "updated_at": START + timedelta(minutes=1),
    "version": 2,
}
SHIPPED_ORDER = PAID_ORDER | {
    "status": "shipped",
    "carrier": "DHL",
    "tracking_number": "JD01",
    "updated_at": START + timedelta(minutes=2),
    "version": 3,
}


class TestFold:
    def test_begins_with_all_that_a_page_shows(self) -> None:
        given(PROJECTION).when(CREATED).then(PENDING_ORDER)

    def test_goes_on_with_the_payment(self) -> None:
        given(PROJECTION, CREATED).when(PAID).then(PAID_ORDER)

    def test_goes_on_with_the_parcel_and_keeps_the_payment(self) -> None:
        given(PROJECTION, CREATED, PAID).when(SHIPPED).then(SHIPPED_ORDER)


class TestKey:
    @pytest.mark.parametrize(
        ("happened", "key"),
        [
            (CREATED, ORDER_ID),
            (PAID, ORDER_ID),
            (SHIPPED, ORDER_ID),
            (event(facts.REGISTERED), None),
            (event(facts.ADDED), None),
        ],
        ids=lambda value: type(value.fact).__name__ if isinstance(value, Event) else None,
    )
    def test_is_the_order(self, happened: Event, key: object) -> None:
        assert PROJECTION.key(happened) == key


class TestSelects:
    def test_find_an_order(self) -> None:
        assert conditions(by_id(ORDER_ID)) == f"WHERE order_id = '{ORDER_ID}'"

    def test_find_an_order_only_if_it_is_that_users(self) -> None:
        assert conditions(by_id(ORDER_ID, user_id=USER_ID)) == (
            f"WHERE order_id = '{ORDER_ID}' AND user_id = '{USER_ID}'"
        )

    def test_list_a_users_orders(self) -> None:
        assert conditions(of_user(USER_ID)) == f"WHERE user_id = '{USER_ID}'"

    def test_list_and_count_those_of_some_statuses(self) -> None:
        wanted = of_user(USER_ID, [Status.PAID, Status.SHIPPED])
        expected = f"WHERE user_id = '{USER_ID}' AND status IN ('paid', 'shipped')"
        assert (conditions(wanted), conditions(count(wanted))) == (expected, expected)
