"""A log as a shop writes it, made without commands: users, products, orders of three lines, payments, shipments."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

import psycopg
from uuid_utils.compat import uuid7

from domain import event_log, order, product, user
from domain.database import CommandPool
from domain.event_log import Entry, Origin, partition_of_product, partition_of_user
from domain.events import Event, Fact
from domain.lifecycle import Status
from domain.money import Currency
from domain.order import Buyer, CatalogueItem, OrderState, Pricing
from tests.benchmarks.shop import LINES, PRICE, PRODUCTS, product_id, user_id

USD = Currency.of("USD")
_ACTOR = "staff:benchmarks"
_OPENING = datetime(2026, 1, 1, 8, tzinfo=UTC)
_APPENDED_AT_ONCE = 10_000
# A new order comes next, or an open one goes on: most are paid and shipped, long after they were placed.
_NEW_ORDER = 0.4
_OPEN_ORDERS = 200


@dataclass(slots=True)
class _Writer:
    """Puts facts into the form in which the log takes them, a second apart."""

    chance: random.Random
    now: datetime = _OPENING
    orders: int = 0
    going_on: list[OrderState] = field(default_factory=list)

    def entry(self, stream_type: str, stream_id: UUID, version: int, fact: Fact, partition: int) -> Entry:
        self.now += timedelta(seconds=1)
        event = Event(
            stream_type=stream_type,
            stream_id=stream_id,
            version=version,
            fact=fact,
            at=self.now,
            actor=_ACTOR,
            partition=partition,
        )
        return Entry(event_id=uuid7(), event=event, origin=Origin(actor=_ACTOR, idempotency_key=str(stream_id)))

    def user(self, number: int) -> Entry:
        fact = user.register(
            user_id=user_id(number), name=f"Buyer Number {number}", email=f"buyer{number}@example.com", currency=USD
        )
        return self.entry("user", fact.user_id, 1, fact, partition_of_user(fact.user_id))

    def product(self, number: int) -> Entry:
        fact = product.add(
            product_id=product_id(number),
            sku=f"SKU-{number}",
            name=f"Product number {number}",
            price=PRICE,
            stock=None,
            currency=USD,
        )
        return self.entry("product", fact.product_id, 1, fact, partition_of_product(fact.product_id))

    def next(self, users: int) -> Entry:
        if len(self.going_on) < _OPEN_ORDERS or self.chance.random() < _NEW_ORDER:
            return self._order(self.chance.randint(1, users))
        return self._advance(self.going_on.pop(self.chance.randrange(len(self.going_on))))

    def _order(self, buyer: int) -> Entry:
        self.orders += 1
        numbers = self.chance.sample(range(1, PRODUCTS + 1), LINES)
        fact = order.create(
            order_id=uuid7(),
            number=str(100_000 + self.orders),
            buyer=Buyer(user_id=user_id(buyer), name=f"Buyer Number {buyer}", email=f"buyer{buyer}@example.com"),
            lines=[order.Line(product_id=product_id(n), quantity=self.chance.randint(1, 5)) for n in numbers],
            catalogue={product_id(n): _item(n) for n in numbers},
            expected_total=None,
            pricing=Pricing(currency=USD, may_set_prices=False),
        )
        placed = OrderState(
            currency="USD", order_id=fact.order_id, user_id=fact.user_id, status=Status.PENDING, version=1
        )
        self.going_on.append(placed)
        return self._of_order(placed, fact)

    def _advance(self, current: OrderState) -> Entry:
        after = Status.PAID if current.status is Status.PENDING else Status.SHIPPED
        moved = OrderState(
            currency="USD",
            order_id=current.order_id,
            user_id=current.user_id,
            status=after,
            version=current.version + 1,
        )
        if after is Status.PAID:
            self.going_on.append(moved)
            return self._of_order(moved, order.pay(current, payment_reference=f"PAY-{current.order_id.hex[-12:]}"))
        return self._of_order(
            moved, order.ship(current, carrier="Blue Van", tracking_number=current.order_id.hex[-12:])
        )

    def _of_order(self, state: OrderState, fact: Fact) -> Entry:
        return self.entry("order", state.order_id, state.version, fact, partition_of_user(state.user_id))


def entries(count: int, *, users: int) -> Iterator[Entry]:
    """Yield so many entries, the same shop at every call."""
    writer = _Writer(random.Random(count))
    yield from (writer.user(number) for number in range(1, users + 1))
    yield from (writer.product(number) for number in range(1, PRODUCTS + 1))
    for _ in range(count - users - PRODUCTS):
        yield writer.next(users)


def write(write_url: str, count: int, *, users: int) -> None:
    """Append so many events to an empty log, and let PostgreSQL look at it once."""
    asyncio.run(_append(write_url, entries(count, users=users)))
    with psycopg.connect(write_url, autocommit=True) as connection:
        connection.execute("vacuum analyze events")


async def _append(write_url: str, remaining: Iterator[Entry]) -> None:
    async with CommandPool(write_url, connections=1) as pool:
        while some := list(islice(remaining, _APPENDED_AT_ONCE)):
            async with pool.transaction() as connection:
                await event_log.append(connection, some)


def _item(number: int) -> CatalogueItem:
    return CatalogueItem(
        product_id=product_id(number),
        sku=f"SKU-{number}",
        name=f"Product number {number}",
        price=PRICE,
        currency=USD.code,
        stock=None,
        retired=False,
    )
