"""The lifecycle: one table of transitions, which every rule of an order keeps, and which says what may be done next."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import order
from domain.errors import Refusal
from domain.events import (
    Fact,
    OrderCancelled,
    OrderDelivered,
    OrderItemAdded,
    OrderItemQuantityChanged,
    OrderItemRemoved,
    OrderLine,
    OrderPaid,
    OrderRefunded,
    OrderShipped,
)
from domain.lifecycle import TRANSITIONS, Action, Status, blocked, move
from domain.order import MOST_LINES, CatalogueItem, Line, OrderState, Pricing
from tests.support.deciding import refused
from tests.support.facts import ORDER_ID, USER_ID
from tests.support.shop import USD

# The lifecycle as it was promised, written down once more: `TRANSITIONS` must say the same.
PROMISED = {
    (Status.PENDING, Action.ADD_ITEM): Status.PENDING,
    (Status.PENDING, Action.CHANGE_ITEM_QUANTITY): Status.PENDING,
    (Status.PENDING, Action.REMOVE_ITEM): Status.PENDING,
    (Status.PENDING, Action.PAY): Status.PAID,
    (Status.PAID, Action.SHIP): Status.SHIPPED,
    (Status.SHIPPED, Action.DELIVER): Status.DELIVERED,
    (Status.PENDING, Action.CANCEL): Status.CANCELLED,
    (Status.PAID, Action.CANCEL): Status.CANCELLED,
    (Status.PAID, Action.REFUND): Status.REFUNDED,
    (Status.SHIPPED, Action.REFUND): Status.REFUNDED,
    (Status.DELIVERED, Action.REFUND): Status.REFUNDED,
}
# And what is said everywhere else.
REFUSED = {
    (Status.PENDING, Action.SHIP): "A pending order cannot be shipped; pay it first.",
    (Status.PENDING, Action.DELIVER): "A pending order cannot be delivered; pay and ship it first.",
    (Status.PENDING, Action.REFUND): "A pending order cannot be refunded; cancel it instead.",
    (Status.PAID, Action.ADD_ITEM): "A paid order takes no more items.",
    (Status.PAID, Action.CHANGE_ITEM_QUANTITY): "A paid order cannot have its quantities changed.",
    (Status.PAID, Action.REMOVE_ITEM): "A paid order cannot have items removed.",
    (Status.PAID, Action.PAY): "A paid order cannot be paid.",
    (Status.PAID, Action.DELIVER): "A paid order cannot be delivered; ship it first.",
    (Status.SHIPPED, Action.ADD_ITEM): "A shipped order takes no more items.",
    (Status.SHIPPED, Action.CHANGE_ITEM_QUANTITY): "A shipped order cannot have its quantities changed.",
    (Status.SHIPPED, Action.REMOVE_ITEM): "A shipped order cannot have items removed.",
    (Status.SHIPPED, Action.PAY): "A shipped order cannot be paid.",
    (Status.SHIPPED, Action.SHIP): "A shipped order cannot be shipped.",
    (Status.SHIPPED, Action.CANCEL): "A shipped order cannot be cancelled; refund it instead.",
    (Status.DELIVERED, Action.ADD_ITEM): "A delivered order takes no more items.",
    (Status.DELIVERED, Action.CHANGE_ITEM_QUANTITY): "A delivered order cannot have its quantities changed.",
    (Status.DELIVERED, Action.REMOVE_ITEM): "A delivered order cannot have items removed.",
    (Status.DELIVERED, Action.PAY): "A delivered order cannot be paid.",
    (Status.DELIVERED, Action.SHIP): "A delivered order cannot be shipped.",
    (Status.DELIVERED, Action.DELIVER): "A delivered order cannot be delivered.",
    (Status.DELIVERED, Action.CANCEL): "A delivered order cannot be cancelled; refund it instead.",
    (Status.CANCELLED, Action.ADD_ITEM): "A cancelled order takes no more items.",
    (Status.CANCELLED, Action.CHANGE_ITEM_QUANTITY): "A cancelled order cannot have its quantities changed.",
    (Status.CANCELLED, Action.REMOVE_ITEM): "A cancelled order cannot have items removed.",
    (Status.CANCELLED, Action.PAY): "A cancelled order cannot be paid.",
    (Status.CANCELLED, Action.SHIP): "A cancelled order cannot be shipped.",
    (Status.CANCELLED, Action.DELIVER): "A cancelled order cannot be delivered.",
    (Status.CANCELLED, Action.CANCEL): "A cancelled order cannot be cancelled.",
    (Status.CANCELLED, Action.REFUND): "A cancelled order cannot be refunded.",
    (Status.REFUNDED, Action.ADD_ITEM): "A refunded order takes no more items.",
    (Status.REFUNDED, Action.CHANGE_ITEM_QUANTITY): "A refunded order cannot have its quantities changed.",
    (Status.REFUNDED, Action.REMOVE_ITEM): "A refunded order cannot have items removed.",
    (Status.REFUNDED, Action.PAY): "A refunded order cannot be paid.",
    (Status.REFUNDED, Action.SHIP): "A refunded order cannot be shipped.",
    (Status.REFUNDED, Action.DELIVER): "A refunded order cannot be delivered.",
    (Status.REFUNDED, Action.CANCEL): "A refunded order cannot be cancelled.",
    (Status.REFUNDED, Action.REFUND): "A refunded order cannot be refunded.",
}
EVERYWHERE = [(status, action) for status in Status for action in Action]
PRICING = Pricing(currency=USD, may_set_prices=False)


def bought(number: int) -> OrderLine:
    return OrderLine(product_id=UUID(int=number), sku="S", name="N", quantity=2, unit_price=Decimal("0.01"))


def product(number: int) -> CatalogueItem:
    return CatalogueItem(
        product_id=UUID(int=number), sku="S", name="N", price=Decimal("0.01"), currency="USD", stock=5, retired=False
    )


CATALOGUE = {UUID(int=number): product(number) for number in range(MOST_LINES + 1)}
LINES = tuple(bought(number) for number in range(MOST_LINES))


def an_order(status: Status, *, lines: int = 2) -> OrderState:
    return OrderState(currency="USD", order_id=ORDER_ID, user_id=USER_ID, status=status, version=1, lines=LINES[:lines])


def add_item(current: OrderState) -> OrderItemAdded:
    another = Line(product_id=UUID(int=len(current.lines)), quantity=1)
    return order.add_item(current, item=another, catalogue=CATALOGUE, pricing=PRICING)


def change_quantity(current: OrderState) -> OrderItemQuantityChanged:
    return order.change_quantity(current, product_id=UUID(int=0), quantity=3, catalogue=CATALOGUE)


# Each action, asked of an order with nothing against it but the order itself; and the fact that it is.
RULES: Mapping[Action, tuple[Callable[[OrderState], Fact], type[Fact]]] = {
    Action.ADD_ITEM: (add_item, OrderItemAdded),
    Action.CHANGE_ITEM_QUANTITY: (change_quantity, OrderItemQuantityChanged),
    Action.REMOVE_ITEM: (lambda current: order.remove_item(current, product_id=UUID(int=0)), OrderItemRemoved),
    Action.PAY: (lambda current: order.pay(current, payment_reference="pi_1"), OrderPaid),
    Action.SHIP: (lambda current: order.ship(current, carrier="DHL", tracking_number="1Z"), OrderShipped),
    Action.DELIVER: (order.deliver, OrderDelivered),
    Action.CANCEL: (lambda current: order.cancel(current, reason="changed my mind"), OrderCancelled),
    Action.REFUND: (lambda current: order.refund(current, reason="never arrived"), OrderRefunded),
}


def said(status: Status, action: Action) -> dict[str, Any]:
    return {
        "code": "INVALID_TRANSITION",
        "message": REFUSED[status, action],
        "path": ("orderId",),
        "status": status,
        "action": action,
    }


def why_not(rule: Callable[[OrderState], Fact], current: OrderState) -> str | None:
    """Return what a rule refuses an order with; None where it does not."""
    try:
        rule(current)
    except Refusal as refusal:
        return refusal.message
    return None


class TestTransitions:
    def test_are_those_that_were_promised(self) -> None:
        table = {(status, action): after for action, moves in TRANSITIONS.items() for status, after in moves.items()}
        assert table == PROMISED

    def test_are_allowed_or_refused_at_every_status_for_every_action(self) -> None:
        assert sorted([*PROMISED, *REFUSED]) == sorted(EVERYWHERE)


class TestMove:
    @pytest.mark.parametrize(("status", "action"), PROMISED)
    def test_leads_where_the_lifecycle_says(self, status: Status, action: Action) -> None:
        assert move(status, action) is PROMISED[status, action]

    @pytest.mark.parametrize(("status", "action"), REFUSED)
    def test_leads_nowhere_else_and_says_why(self, status: Status, action: Action) -> None:
        assert refused(move, status, action) == said(status, action)

    @given(st.lists(st.sampled_from(Action)))
    def test_never_comes_back_to_a_status_that_was_left(self, actions: list[Action]) -> None:
        been = [Status.PENDING]
        for action in actions:
            try:
                after = move(been[-1], action)
            except Refusal:
                continue
            if after is not been[-1]:
                been.append(after)
        assert len(been) == len(set(been))


class TestEveryRule:
    def test_is_tried(self) -> None:
        assert list(RULES) == list(Action)

    @pytest.mark.parametrize(("status", "action"), PROMISED)
    def test_takes_an_order_where_the_lifecycle_does(self, status: Status, action: Action) -> None:
        rule, fact = RULES[action]
        assert type(rule(an_order(status))) is fact

    @pytest.mark.parametrize(("status", "action"), REFUSED)
    def test_refuses_one_where_the_lifecycle_does_and_says_the_same(self, status: Status, action: Action) -> None:
        rule, _ = RULES[action]
        assert refused(rule, an_order(status)) == said(status, action)


class TestBlocked:
    @pytest.mark.parametrize("action", Action)
    def test_says_what_the_rule_would_say_at_every_status_and_size(self, action: Action) -> None:
        rule, _ = RULES[action]
        for lines in range(1, MOST_LINES + 1):
            for status in Status:
                told = blocked(status, action, lines=lines, most_lines=MOST_LINES)
                assert told == why_not(rule, an_order(status, lines=lines)), f"{status}, {lines} lines"

    @pytest.mark.parametrize(
        ("lines", "action", "reason"),
        [
            (1, Action.REMOVE_ITEM, "The last item cannot be removed; cancel the order instead."),
            (2, Action.REMOVE_ITEM, None),
            (199, Action.ADD_ITEM, None),
            (200, Action.ADD_ITEM, "An order has at most 200 items."),
            (200, Action.CHANGE_ITEM_QUANTITY, None),
        ],
    )
    def test_counts_the_lines_of_a_pending_order(self, lines: int, action: Action, reason: str | None) -> None:
        assert blocked(Status.PENDING, action, lines=lines, most_lines=MOST_LINES) == reason

    @pytest.mark.parametrize(("lines", "action"), [(1, Action.REMOVE_ITEM), (200, Action.ADD_ITEM)])
    def test_says_of_a_paid_order_that_it_is_paid_whatever_its_lines(self, lines: int, action: Action) -> None:
        told = blocked(Status.PAID, action, lines=lines, most_lines=MOST_LINES)
        assert told == REFUSED[Status.PAID, action]

    @given(st.lists(st.sampled_from([0, 1, 500]), min_size=2, max_size=8).filter(any))
    def test_is_right_that_an_order_of_several_lines_has_one_to_spare(self, prices: list[int]) -> None:
        lines = tuple(replace(bought(number), unit_price=Decimal(cents) / 100) for number, cents in enumerate(prices))
        pending = replace(an_order(Status.PENDING), lines=lines)
        assert blocked(Status.PENDING, Action.REMOVE_ITEM, lines=len(lines), most_lines=MOST_LINES) is None
        assert None in [why_not(removal_of(item), pending) for item in lines]


def removal_of(item: OrderLine) -> Callable[[OrderState], Fact]:
    return lambda current: order.remove_item(current, product_id=item.product_id)
