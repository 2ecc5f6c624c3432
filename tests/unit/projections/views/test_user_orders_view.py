"""user_orders_view: given what happened to an order, when something more happens, then this row."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.events import Fact
from domain.lifecycle import Status
from projections.projection import Row, Update
from projections.search import words_of
from projections.views.user_orders_view import PROJECTION, Wanted, by_id, chosen, matching
from tests.support import facts
from tests.support.deciding import given
from tests.support.facts import MUG_ID, ORDER_ID, POT_ID, START, TEA_ID, USER_ID, event
from tests.support.statements import conditions

CREATED = event(facts.CREATED)
PAID = event(facts.PAID, version=2, minutes=1)
SHIPPED = event(facts.SHIPPED, version=3, minutes=2)
THE_TEA = {
    "product_id": str(TEA_ID),
    "sku": "TEA",
    "name": "Tea, green",
    "quantity": 2,
    "unit_price": "9.99",
    "line_total": "19.98",
}
THE_MUG = {
    "product_id": str(MUG_ID),
    "sku": "MUG",
    "name": "Mug",
    "quantity": 1,
    "unit_price": "0.01",
    "line_total": "0.01",
}
THE_POTS = {
    "product_id": str(POT_ID),
    "sku": "POT",
    "name": "Pot",
    "quantity": 3,
    "unit_price": "5.00",
    "line_total": "15.00",
}


def happened(version: int, type_: str, minutes: int, **details: object) -> dict[str, object]:
    return {
        "version": version,
        "type": type_,
        "at": f"2026-01-31T12:{minutes:02}:00+00:00",
        "actor": "staff:tests",
        "details": details,
    }


WAS_CREATED = happened(1, "OrderCreated", 0, total="19.99", currency="USD", itemCount=2)
WAS_PAID = happened(2, "OrderPaid", 1, paymentReference="pi_1")
WAS_SHIPPED = happened(3, "OrderShipped", 2, carrier="DHL", trackingNumber="JD01")
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
    "items": [THE_TEA, THE_MUG],
    "status": "pending",
    "payment_reference": None,
    "carrier": None,
    "tracking_number": None,
    "cancellation_reason": None,
    "created_at": START,
    "updated_at": START,
    "version": 1,
    "stale": False,
    "timeline": [WAS_CREATED],
}


def after(before: Row, entry: dict[str, object], *, minutes: int, **changed: object) -> Row:
    """Return a row with what an event changed of it, and what every event of an order changes."""
    common = {
        "version": before["version"] + 1,
        "updated_at": START + timedelta(minutes=minutes),
        "timeline": [*before["timeline"], entry],
    }
    return before | common | changed


PAID_ORDER = after(PENDING_ORDER, WAS_PAID, minutes=1, status="paid", payment_reference="pi_1")
SHIPPED_ORDER = after(PAID_ORDER, WAS_SHIPPED, minutes=2, status="shipped", carrier="DHL", tracking_number="JD01")


class TestFold:
    def test_begins_with_all_that_a_page_shows(self) -> None:
        given(PROJECTION).when(CREATED).then(PENDING_ORDER)

    def test_goes_on_with_the_payment(self) -> None:
        given(PROJECTION, CREATED).when(PAID).then(PAID_ORDER)

    def test_goes_on_with_the_parcel_and_keeps_the_payment(self) -> None:
        given(PROJECTION, CREATED, PAID).when(SHIPPED).then(SHIPPED_ORDER)

    def test_ends_with_the_delivery(self) -> None:
        delivered = event(facts.DELIVERED, version=4, minutes=3)
        entry = happened(4, "OrderDelivered", 3)
        given(PROJECTION, CREATED, PAID, SHIPPED).when(delivered).then(
            after(SHIPPED_ORDER, entry, minutes=3, status="delivered")
        )

    def test_shows_an_added_item_behind_the_others(self) -> None:
        added = event(facts.ITEM_ADDED, version=2, minutes=1)
        pots = {"productId": str(POT_ID), "name": "Pot", "quantity": 3, "unitPrice": "5.00"}
        given(PROJECTION, CREATED).when(added).then(
            after(
                PENDING_ORDER,
                happened(2, "OrderItemAdded", 1, **pots, total="34.99"),
                minutes=1,
                items=[THE_TEA, THE_MUG, THE_POTS],
                item_count=3,
                item_names="Tea, green, Mug, Pot",
                total=Decimal("34.99"),
            )
        )

    def test_shows_a_changed_quantity_in_its_line_and_what_it_was_before(self) -> None:
        changed = event(facts.QUANTITY_CHANGED, version=2, minutes=1)
        quantities = {"productId": str(TEA_ID), "quantityBefore": 2, "quantity": 5}
        given(PROJECTION, CREATED).when(changed).then(
            after(
                PENDING_ORDER,
                happened(2, "OrderItemQuantityChanged", 1, **quantities, total="49.96"),
                minutes=1,
                items=[THE_TEA | {"quantity": 5, "line_total": "49.95"}, THE_MUG],
                total=Decimal("49.96"),
            )
        )

    def test_shows_a_removed_item_no_more(self) -> None:
        removed = event(facts.ITEM_REMOVED, version=2, minutes=1)
        mug = {"productId": str(MUG_ID), "name": "Mug", "quantity": 1, "unitPrice": "0.01"}
        given(PROJECTION, CREATED).when(removed).then(
            after(
                PENDING_ORDER,
                happened(2, "OrderItemRemoved", 1, **mug, total="19.98"),
                minutes=1,
                items=[THE_TEA],
                item_count=1,
                item_names="Tea, green",
                total=Decimal("19.98"),
            )
        )

    def test_ends_with_a_cancellation_and_keeps_what_was_ordered(self) -> None:
        cancelled = event(facts.CANCELLED, version=2, minutes=1)
        given(PROJECTION, CREATED).when(cancelled).then(
            after(
                PENDING_ORDER,
                happened(2, "OrderCancelled", 1, reason="changed my mind"),
                minutes=1,
                status="cancelled",
                cancellation_reason="changed my mind",
            )
        )

    @pytest.mark.parametrize("restocked", [True, False])
    def test_ends_with_a_refund_and_keeps_what_was_paid(self, restocked: bool) -> None:
        refunded = event(replace(facts.REFUNDED, restocked=restocked), version=3, minutes=2)
        given(PROJECTION, CREATED, PAID).when(refunded).then(
            after(
                PAID_ORDER,
                happened(3, "OrderRefunded", 2, reason="never arrived", restocked=restocked),
                minutes=2,
                status="refunded",
                cancellation_reason="never arrived",
            )
        )


OF_AN_ORDER = [fact for fact in facts.ALL if type(fact).__name__.startswith("Order")]
OF_OTHERS = [fact for fact in facts.ALL if fact not in OF_AN_ORDER]


class TestKey:
    @pytest.mark.parametrize("fact", OF_AN_ORDER, ids=lambda fact: type(fact).__name__)
    def test_is_the_order(self, fact: Fact) -> None:
        assert PROJECTION.key(event(fact)) == ORDER_ID

    @pytest.mark.parametrize("fact", OF_OTHERS, ids=lambda fact: type(fact).__name__)
    def test_is_none_of_a_user_or_a_product(self, fact: Fact) -> None:
        assert PROJECTION.key(event(fact)) is None


class TestUpdate:
    def test_gives_all_orders_of_a_user_its_new_name(self) -> None:
        assert PROJECTION.update(event(facts.RENAMED)) == Update(
            where={"user_id": USER_ID}, values={"user_name": "Ada Lovelace"}
        )

    def test_gives_all_orders_of_a_user_its_new_address(self) -> None:
        assert PROJECTION.update(event(facts.EMAIL_CHANGED)) == Update(
            where={"user_id": USER_ID}, values={"user_email": "lovelace@example.com"}
        )

    @pytest.mark.parametrize(
        "fact",
        [fact for fact in facts.ALL if fact not in (facts.RENAMED, facts.EMAIL_CHANGED)],
        ids=lambda fact: type(fact).__name__,
    )
    def test_is_for_nothing_else(self, fact: Fact) -> None:
        assert PROJECTION.update(event(fact)) is None


class TestSelects:
    def test_find_an_order(self) -> None:
        assert conditions(by_id(ORDER_ID)) == f"WHERE order_id = '{ORDER_ID}'"

    def test_find_an_order_only_if_it_is_that_users(self) -> None:
        assert conditions(by_id(ORDER_ID, user_id=USER_ID)) == (
            f"WHERE order_id = '{ORDER_ID}' AND user_id = '{USER_ID}'"
        )

    def test_list_all_orders(self) -> None:
        assert listed() == [""]

    def test_list_a_users_orders(self) -> None:
        assert listed(user_id=USER_ID) == [f"WHERE user_id = '{USER_ID}'"]

    def test_list_those_of_a_user_in_some_statuses_in_one_part(self) -> None:
        wanted = listed(user_id=USER_ID, statuses=(Status.PAID, Status.SHIPPED))
        assert wanted == [f"WHERE user_id = '{USER_ID}' AND status IN ('paid', 'shipped')"]

    def test_list_those_of_all_users_status_by_status(self) -> None:
        wanted = listed(statuses=(Status.PAID, Status.SHIPPED), total_from=Decimal(5))
        assert wanted == ["WHERE total >= 5 AND status = 'paid'", "WHERE total >= 5 AND status = 'shipped'"]

    def test_list_none_in_no_status(self) -> None:
        assert listed(statuses=()) == ["WHERE status IN (NULL) AND (1 != 1)"]

    def test_list_those_within_ranges(self) -> None:
        wanted = listed(
            created_from=START,
            created_before=START + timedelta(days=1),
            total_from=Decimal("5.00"),
            total_to=Decimal("19.99"),
        )
        created = "created_at >= '2026-01-31 12:00:00+00:00' AND created_at < '2026-02-01 12:00:00+00:00'"
        assert wanted == [f"WHERE {created} AND total >= 5.00 AND total <= 19.99"]

    def test_list_those_that_have_all_words_somewhere(self) -> None:
        text = "(((((((' ' || number) || ' ') || user_name) || ' ') || user_email) || ' ') || item_names)"
        assert listed(words=words_of("ada 10_")) == [f"WHERE {text} ILIKE '%%ada%%' AND {text} ILIKE '%%10\\_%%'"]


def listed(**wanted: Any) -> list[str]:
    return [conditions(part) for part in matching(Wanted(**wanted))]


class TestChosen:
    @pytest.mark.parametrize(
        ("statuses", "expected"),
        [
            (None, None),
            ([], ()),
            ([Status.PENDING, Status.PAID], (Status.PAID, Status.PENDING)),
            ([Status.PAID, Status.PENDING, Status.PAID], (Status.PAID, Status.PENDING)),
        ],
    )
    def test_is_the_same_however_it_is_written(self, statuses: list[str] | None, expected: object) -> None:
        assert chosen(statuses) == expected
