"""One user's orders as the write side would keep them, without a store: decided by the rules, remembered as events."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from uuid import UUID

from msgspec import structs

from domain import order, product
from domain.errors import Refusal
from domain.events import (
    Event,
    Fact,
    OrderCreated,
    OrderItemAdded,
    OrderItemQuantityChanged,
    OrderItemRemoved,
    OrderLine,
)
from domain.lifecycle import Action, Status
from domain.order import Buyer, CatalogueItem, Line, OrderState, Pricing
from domain.product import ProductState
from tests.support import facts
from tests.support.shop import USD

STAFF = Pricing(currency=USD, may_set_prices=True)
ADA = Buyer(user_id=facts.USER_ID, name="Ada", email="ada@example.com")
STARTS_WITH = 30  # pieces of every product
FOLLOWS = {
    Action.PAY: Status.PAID,
    Action.SHIP: Status.SHIPPED,
    Action.DELIVER: Status.DELIVERED,
    Action.CANCEL: Status.CANCELLED,
    Action.REFUND: Status.REFUNDED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that somebody may try: an action of the `which`th order, or (None) a new order of these lines.

    `own`: the action is about a product that the order has; else about that of the first line.
    """

    action: Action | None
    which: int
    lines: tuple[Line, ...]
    own: bool = False

    def line_for(self, order: OrderState) -> Line:
        wanted = self.lines[0]
        if not self.own:
            return wanted
        return replace(wanted, product_id=order.lines[wanted.quantity % len(order.lines)].product_id)


@dataclass(slots=True)
class World:
    """States and stock are kept by what each fact means, written down here once more and apart from the folds."""

    prices: Sequence[Decimal]
    orders: list[OrderState] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    out: Counter[UUID] = field(default_factory=Counter)
    """Pieces that are no longer in stock."""
    restocked: Counter[UUID] = field(default_factory=Counter)
    moves: list[tuple[Status, Action, Status]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._note(facts.event(facts.REGISTERED))
        for number, price in enumerate(self.prices):
            added = product.add(
                product_id=product_id(number), sku="S", name=f"P{number}", price=price, stock=STARTS_WITH, currency=USD
            )
            self._note(facts.event(added))

    def stock(self, of: UUID) -> int:
        return STARTS_WITH + self.restocked[of] - self.out[of]

    def catalogue(self) -> dict[UUID, CatalogueItem]:
        return {
            product_id(number): CatalogueItem(
                product_id=product_id(number),
                sku="S",
                name=f"P{number}",
                price=price,
                currency="USD",
                stock=self.stock(product_id(number)),
                retired=False,
            )
            for number, price in enumerate(self.prices)
        }

    def restock(self, of: UUID, quantity: int) -> None:
        state = ProductState(product_id=of, stock=self.stock(of), retired=False, version=1)
        try:
            fact = product.restock(state, quantity=quantity)
        except Refusal:
            return
        self.restocked[of] += quantity
        self._note(facts.event(fact))

    def attempt(self, step: Step) -> Refusal | None:
        """Try a step; return what it was refused with, if it was."""
        try:
            if step.action is None or not self.orders:
                self._create(step.lines)
            else:
                which = step.which % len(self.orders)
                self._change(which, step.action, step.line_for(self.orders[which]))
        except Refusal as refusal:
            return refusal
        return None

    def history(self, of: UUID) -> list[Event]:
        """Return what happened to an order, oldest first."""
        return [event for event in self.events if event.stream_id == of]

    def _create(self, lines: tuple[Line, ...]) -> None:
        order.check_lines(lines)
        number = len(self.orders) + 1
        created: OrderCreated = order.create(
            order_id=UUID(int=number << 64),
            number=str(100_000 + number),
            buyer=ADA,
            lines=lines,
            catalogue=self.catalogue(),
            expected_total=None,
            pricing=STAFF,
        )
        state = OrderState(
            currency="USD",
            order_id=created.order_id,
            user_id=created.user_id,
            status=Status.PENDING,
            version=1,
            lines=created.lines,
        )
        self.orders.append(state)
        self._take(created.lines)
        self._note(facts.event(created, version=1, minutes=len(self.events)))

    def _change(self, index: int, action: Action, line: Line) -> None:
        before = self.orders[index]
        fact = self._decide(before, action, line)
        status = FOLLOWS.get(action, before.status)
        self.orders[index] = replace(
            before, status=status, version=before.version + 1, lines=self._lines_after(before, fact)
        )
        if action is Action.CANCEL or (action is Action.REFUND and before.status is Status.PAID):
            self._take(before.lines, times=-1)
        self.moves.append((before.status, action, status))
        self._note(facts.event(fact, version=before.version + 1, minutes=len(self.events)))

    def _decide(self, before: OrderState, action: Action, line: Line) -> Fact:
        rules: dict[Action, Callable[[], Fact]] = {
            Action.ADD_ITEM: lambda: order.add_item(before, item=line, catalogue=self.catalogue(), pricing=STAFF),
            Action.CHANGE_ITEM_QUANTITY: lambda: order.change_quantity(
                before, product_id=line.product_id, quantity=line.quantity, catalogue=self.catalogue()
            ),
            Action.REMOVE_ITEM: lambda: order.remove_item(before, product_id=line.product_id),
            Action.PAY: lambda: order.pay(before, payment_reference="pi_1"),
            Action.SHIP: lambda: order.ship(before, carrier="DHL", tracking_number="1Z"),
            Action.DELIVER: lambda: order.deliver(before),
            Action.CANCEL: lambda: order.cancel(before, reason="changed my mind"),
            Action.REFUND: lambda: order.refund(before, reason="never arrived"),
        }
        return rules[action]()

    def _lines_after(self, before: OrderState, fact: Fact) -> tuple[OrderLine, ...]:
        match fact:
            case OrderItemAdded():
                self._take([fact.line])
                return (*before.lines, fact.line)
            case OrderItemQuantityChanged():
                self.out[fact.product_id] += fact.quantity - before.line_of(fact.product_id).quantity
                return tuple(
                    replace(item, quantity=fact.quantity) if item.product_id == fact.product_id else item
                    for item in before.lines
                )
            case OrderItemRemoved():
                self._take([fact.line], times=-1)
                return tuple(item for item in before.lines if item.product_id != fact.line.product_id)
        return before.lines

    def _take(self, lines: Sequence[OrderLine], *, times: int = 1) -> None:
        for item in lines:
            self.out[item.product_id] += times * item.quantity

    def _note(self, event: Event) -> None:
        self.events.append(structs.replace(event, position=len(self.events) + 1))


def product_id(number: int) -> UUID:
    return UUID(int=number + 1)
