"""Whatever is done to orders in whatever sequence: the shop agrees with a model of it that fits on two pages."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import settings as trials
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from api.settings import Settings
from domain.bus import Bus
from domain.commands import (
    AddOrderItem,
    CancelOrder,
    ChangeOrderItemQuantity,
    Command,
    CreateOrder,
    DeliverOrder,
    PayOrder,
    RefundOrder,
    RemoveOrderItem,
    RestockProduct,
    ShipOrder,
)
from domain.database import CommandPool
from domain.errors import Refusal
from domain.order import Line
from tests.support.shop import USD, Shop

INVALID, MISSING, SHORT, NOT_NOW = "INVALID_INPUT", "NOT_FOUND", "INSUFFICIENT_STOCK", "INVALID_TRANSITION"
COMMANDS = {
    AddOrderItem,
    CancelOrder,
    ChangeOrderItemQuantity,
    CreateOrder,
    DeliverOrder,
    PayOrder,
    RefundOrder,
    RemoveOrderItem,
    RestockProduct,
    ShipOrder,
}
# Price and stock; the second is a gift, the third is not counted.
PRODUCTS: tuple[tuple[str, int | None], ...] = (("9.99", 8), ("0", 3), ("0.01", None), ("120.50", 5))
PRODUCT = st.integers(0, len(PRODUCTS) - 1)
QUANTITY = st.sampled_from([1, 2, 3, 1, 2, 5, 0])
LINE = st.tuples(PRODUCT, QUANTITY)
BASKET = st.lists(st.tuples(PRODUCT, st.integers(1, 4)), min_size=1, max_size=4, unique_by=lambda line: line[0])
# Which order; and whether it should be one that can take what comes, if there is any.
ORDER = st.tuples(st.integers(0, 5), st.sampled_from([True, True, True, False]))
Which = tuple[int, bool]
CHOICES = st.lists(st.integers(0, 5), max_size=4)
# What an order takes: the most likely first, since examples that fail are shortened to it.
MOVES = {
    "pending": ["pay", "cancel"],
    "paid": ["ship", "refund", "cancel"],
    "shipped": ["deliver", "refund"],
    "delivered": ["refund"],
}


@dataclass(slots=True)
class ModelOrder:
    lines: dict[int, int]
    status: str = "pending"
    version: int = 1

    @property
    def total(self) -> Decimal:
        return sum((Decimal(PRODUCTS[product][0]) * many for product, many in self.lines.items()), Decimal(0))


@dataclass(slots=True)
class Model:
    """What each command does, or the code that refuses it, in the plainest words."""

    stock: list[int | None] = field(default_factory=lambda: [stock for _, stock in PRODUCTS])
    put_in: list[int | None] = field(default_factory=lambda: [stock for _, stock in PRODUCTS])
    orders: dict[UUID, ModelOrder] = field(default_factory=dict)

    def short(self, product: int, quantity: int) -> bool:
        has = self.stock[product]
        return has is not None and has < quantity

    def take(self, product: int, quantity: int) -> None:
        if (has := self.stock[product]) is not None:
            self.stock[product] = has - quantity

    def create(self, wanted: list[tuple[int, int]]) -> str | None:
        lines = dict(wanted)
        if not wanted or len(lines) < len(wanted) or not all(lines.values()):
            return INVALID
        if any(self.short(product, many) for product, many in wanted):
            return SHORT
        if ModelOrder(lines).total == 0:
            return INVALID
        for product, many in wanted:
            self.take(product, many)
        return None

    def add(self, order: ModelOrder, product: int, quantity: int) -> str | None:
        if quantity == 0:
            return INVALID
        if order.status != "pending":
            return NOT_NOW
        if product in order.lines:
            return INVALID
        if self.short(product, quantity):
            return SHORT
        order.lines[product] = quantity
        self.take(product, quantity)
        return None

    def change(self, order: ModelOrder, product: int, quantity: int) -> str | None:
        if quantity == 0:
            return INVALID
        if order.status != "pending":
            return NOT_NOW
        if product not in order.lines:
            return MISSING
        more = quantity - order.lines[product]
        if more == 0:
            return INVALID
        if self.short(product, more):
            return SHORT
        order.lines[product] = quantity
        self.take(product, more)
        return None

    def remove(self, order: ModelOrder, product: int) -> str | None:
        if order.status != "pending":
            return NOT_NOW
        if product not in order.lines:
            return MISSING
        left = {other: many for other, many in order.lines.items() if other != product}
        if ModelOrder(left).total == 0:
            return INVALID
        self.take(product, -order.lines[product])
        order.lines = left
        return None

    def move(self, order: ModelOrder, to: str, *, out_of: tuple[str, ...], give_back: bool = False) -> str | None:
        if order.status not in out_of:
            return NOT_NOW
        if give_back:
            for product, many in order.lines.items():
                self.take(product, -many)
        order.status = to
        return None

    def restock(self, product: int, quantity: int) -> str | None:
        has, put_in = self.stock[product], self.put_in[product]
        if has is None or put_in is None or quantity == 0:
            return INVALID
        if has + quantity < 0:
            return SHORT
        self.stock[product], self.put_in[product] = has + quantity, put_in + quantity
        return None


@dataclass(frozen=True, slots=True)
class Stage:
    """The real shop, and a way to look into its store."""

    shop: Shop
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    store: psycopg.Connection
    seen: set[tuple[type[Command], str]] = field(default_factory=set)
    moved: set[tuple[str, str]] = field(default_factory=set)

    def give(self, command: Command) -> Any:
        """Return what was accepted, or the code of the refusal."""
        try:
            told = self.run(self.shop.give(command))
        except Refusal as refusal:
            told = refusal.code
        self.seen.add((type(command), told if isinstance(told, str) else "accepted"))
        return told


def has_orders(trade: "Trade") -> bool:
    return bool(trade.model.orders)


class Trade(RuleBasedStateMachine):
    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage, self.model = stage, Model()
        self.user: UUID = stage.run(stage.shop.user())
        self.ids: list[UUID] = [stage.run(stage.shop.product(price=price, stock=stock)) for price, stock in PRODUCTS]

    def _agree(self, order: UUID, command: Command, expected: str | None) -> None:
        """Give a command, and compare what comes of it with what the model has made of it."""
        told = self.stage.give(command)
        if expected is None:
            self.model.orders[order].version += 1
            told = (told.stream_id, told.version)
        assert told == (expected or (order, self.model.orders[order].version))

    def _one(self, which: Which, *statuses: str) -> UUID:
        number, fitting = which
        fit = [id_ for id_, order in self.model.orders.items() if fitting and order.status in statuses]
        some = fit or list(self.model.orders)
        return some[number % len(some)]

    @initialize(first=BASKET, second=BASKET, choices=CHOICES)
    def begin(self, first: list[tuple[int, int]], second: list[tuple[int, int]], choices: list[int]) -> None:
        """Begin with an order somewhere on its way, and a new one: rules alone seldom bring one far."""
        self.create(first)
        for order in list(self.model.orders):
            self._proceed(order, choices)
        self.create(second)

    @rule(wanted=BASKET | st.lists(LINE, max_size=3))
    def create(self, wanted: list[tuple[int, int]]) -> None:
        items = tuple(Line(product_id=self.ids[product], quantity=many) for product, many in wanted)
        told = self.stage.give(CreateOrder(user_id=self.user, items=items))
        if (expected := self.model.create(wanted)) is not None:
            assert told == expected
            return
        assert told.version == 1
        self.model.orders[told.stream_id] = ModelOrder(dict(wanted))

    @precondition(has_orders)
    @rule(which=ORDER, product=PRODUCT, quantity=QUANTITY)
    def add(self, which: Which, product: int, quantity: int) -> None:
        order = self._one(which, "pending")
        command = AddOrderItem(order_id=order, item=Line(product_id=self.ids[product], quantity=quantity))
        self._agree(order, command, self.model.add(self.model.orders[order], product, quantity))

    @precondition(has_orders)
    @rule(which=ORDER, product=PRODUCT, quantity=QUANTITY)
    def change(self, which: Which, product: int, quantity: int) -> None:
        order = self._one(which, "pending")
        command = ChangeOrderItemQuantity(order_id=order, product_id=self.ids[product], quantity=quantity)
        self._agree(order, command, self.model.change(self.model.orders[order], product, quantity))

    @precondition(has_orders)
    @rule(which=ORDER, product=PRODUCT)
    def remove(self, which: Which, product: int) -> None:
        order = self._one(which, "pending")
        command = RemoveOrderItem(order_id=order, product_id=self.ids[product])
        self._agree(order, command, self.model.remove(self.model.orders[order], product))

    @precondition(has_orders)
    @rule(which=ORDER, choices=CHOICES)
    def proceed(self, which: Which, choices: list[int]) -> None:
        self._proceed(self._one(which, *MOVES), choices)

    def _proceed(self, order: UUID, choices: list[int]) -> None:
        for choice in choices:
            if actions := MOVES.get(self.model.orders[order].status):
                self._move(order, actions[choice % len(actions)])

    @precondition(has_orders)
    @rule(which=ORDER, action=st.sampled_from(["cancel", "refund", "pay", "ship", "deliver"]))
    def move(self, which: Which, action: str) -> None:
        self._move(self._one(which), action)

    def _move(self, order: UUID, action: str) -> None:
        model, move = self.model.orders[order], self.model.move
        status = model.status
        match action:
            case "pay":
                command: Command = PayOrder(order_id=order, payment_reference="pi_1")
                expected = move(model, "paid", out_of=("pending",))
            case "ship":
                command = ShipOrder(order_id=order, carrier="DHL", tracking_number="1Z")
                expected = move(model, "shipped", out_of=("paid",))
            case "deliver":
                command = DeliverOrder(order_id=order)
                expected = move(model, "delivered", out_of=("shipped",))
            case "cancel":
                command = CancelOrder(order_id=order, reason="changed my mind")
                expected = move(model, "cancelled", out_of=("pending", "paid"), give_back=True)
            case _:
                command, here = RefundOrder(order_id=order, reason="never arrived"), status == "paid"
                expected = move(model, "refunded", out_of=("paid", "shipped", "delivered"), give_back=here)
        self._agree(order, command, expected)
        if expected is None:
            self.stage.moved.add((status, action))

    @rule(product=PRODUCT, quantity=st.integers(-6, 6))
    def restock(self, product: int, quantity: int) -> None:
        told = self.stage.give(RestockProduct(product_id=self.ids[product], quantity=quantity))
        expected = self.model.restock(product, quantity)
        assert expected == (told if isinstance(told, str) else None)

    @invariant()
    def orders_are_as_the_model_says(self) -> None:
        found = self.stage.store.execute(
            """
            select o.id, o.status, o.version, o.total,
                   (select sum(quantity * unit_price) from order_items where order_id = o.id),
                   (select count(*) from events where stream_id = o.id),
                   (select max(version) from events where stream_id = o.id)
            from orders o where o.user_id = %s
            """,
            (self.user,),
        )
        assert {id_: row for id_, *row in found} == {
            id_: [order.status, order.version, order.total, order.total, order.version, order.version]
            for id_, order in self.model.orders.items()
        }

    @invariant()
    def no_piece_is_lost_or_made(self) -> None:
        """A piece is in stock or with an order that holds it; whether a refund gave it back, its fact says."""
        found = self.stage.store.execute(
            """
            select p.id, p.stock, coalesce(sum(i.quantity) filter (
                where o.status in ('pending', 'paid', 'shipped', 'delivered')
                or (select not cast(data ->> 'restocked' as bool) from events
                    where stream_id = o.id and type = 'OrderRefunded')
            ), 0)
            from products p
            left join order_items i on i.product_id = p.id
            left join orders o on o.id = i.order_id
            where p.id = any(%s) group by p.id
            """,
            (self.ids,),
        )
        stock, out = {}, {}
        for id_, left, pieces in found:
            stock[id_], out[id_] = left, pieces
        assert [stock[id_] for id_ in self.ids] == self.model.stock
        for id_, put_in in zip(self.ids, self.model.put_in, strict=True):
            assert put_in is None or stock[id_] + out[id_] == put_in


@pytest.fixture
def stage(fresh: Settings) -> Iterator[Stage]:
    loop = asyncio.new_event_loop()
    pool = CommandPool(fresh.write.database_url, connections=1)
    loop.run_until_complete(pool.__aenter__())
    shop = Shop(Bus(pool, currency=USD, nudge=lambda _: None))
    with psycopg.connect(fresh.write.database_url, autocommit=True) as store:
        yield Stage(shop, loop.run_until_complete, store)
    loop.run_until_complete(pool.close())
    loop.close()


class TestTrade:
    def test_agrees_with_its_model(self, stage: Stage) -> None:
        bounds = trials(
            max_examples=60, stateful_step_count=30, deadline=None, derandomize=True, database=None, print_blob=False
        )
        run_state_machine_as_test(lambda: Trade(stage), settings=bounds)
        accepted = {command for command, outcome in stage.seen if outcome == "accepted"}
        assert accepted == COMMANDS, "what was never carried out was not tried: raise max_examples"
        assert stage.moved == {(status, action) for status, actions in MOVES.items() for action in actions}
        assert {outcome for _, outcome in stage.seen} == {"accepted", INVALID, MISSING, SHORT, NOT_NOW}
