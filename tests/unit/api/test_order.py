"""An order as the API shows it: what may be done next, and what happened."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from api.types.money import Money
from api.types.order import Order, OrderAction, OrderEvent, OrderItem
from domain.lifecycle import TRANSITIONS, Action, Status, refusal
from projections.projection import Row, fold_all
from projections.views.user_orders_view import PROJECTION
from tests.support import facts
from tests.support.facts import MUG_ID, START, TEA_ID, event

ROW: Row = fold_all(PROJECTION, [event(facts.CREATED), event(facts.PAID, version=2, minutes=1)]) or {}


def shown(status: Status, lines: int) -> list[OrderAction]:
    return Order.of(ROW | {"status": status, "item_count": lines}).available_actions()


class TestAvailableActions:
    @pytest.mark.parametrize("lines", [2, 199])
    @pytest.mark.parametrize("status", Status)
    def test_are_all_that_there_are_each_allowed_where_the_lifecycle_says(self, status: Status, lines: int) -> None:
        assert shown(status, lines) == [
            OrderAction(name=action, allowed=True, reason=None)
            if status in TRANSITIONS[action]
            else OrderAction(name=action, allowed=False, reason=refusal(status, action))
            for action in Action
        ]

    def test_leave_the_last_item_in_its_order(self) -> None:
        [removal] = [action for action in shown(Status.PENDING, 1) if not action.allowed and "item" in action.name]
        reason = "The last item cannot be removed; cancel the order instead."
        assert removal == OrderAction(name=Action.REMOVE_ITEM, allowed=False, reason=reason)

    def test_add_nothing_to_200_items(self) -> None:
        [addition] = [action for action in shown(Status.PENDING, 200) if not action.allowed and "item" in action.name]
        reason = "An order has at most 200 items."
        assert addition == OrderAction(name=Action.ADD_ITEM, allowed=False, reason=reason)


class TestTimeline:
    def test_tells_what_happened_oldest_first(self) -> None:
        assert Order.of(ROW).timeline() == [
            OrderEvent(
                version=1,
                type="OrderCreated",
                at=START,
                actor="staff:tests",
                details={"total": "19.99", "currency": "USD", "itemCount": 2},
            ),
            OrderEvent(
                version=2,
                type="OrderPaid",
                at=START + timedelta(minutes=1),
                actor="staff:tests",
                details={"paymentReference": "pi_1"},
            ),
        ]

    def test_keeps_the_microsecond(self) -> None:
        at = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
        [entry, *_] = Order.of(ROW | {"timeline": [ROW["timeline"][0] | {"at": at.isoformat()}]}).timeline()
        assert entry.at == at


class TestItems:
    def test_are_priced_in_the_order_s_currency(self) -> None:
        assert Order.of(ROW).items() == [
            OrderItem(
                product_id=str(TEA_ID),
                sku="TEA",
                name="Tea, green",
                quantity=2,
                unit_price=Money(amount=Decimal("9.99"), currency="USD"),
                line_total=Money(amount=Decimal("19.98"), currency="USD"),
            ),
            OrderItem(
                product_id=str(MUG_ID),
                sku="MUG",
                name="Mug",
                quantity=1,
                unit_price=Money(amount=Decimal("0.01"), currency="USD"),
                line_total=Money(amount=Decimal("0.01"), currency="USD"),
            ),
        ]
