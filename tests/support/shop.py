"""Given: users, products and orders, made by the commands that make them in production."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from domain.bus import Accepted, Bus, Request
from domain.commands import AddProduct, Command, CreateOrder, DeliverOrder, PayOrder, RegisterUser, ShipOrder
from domain.event_log import partition_of_user
from domain.money import Currency
from domain.order import Line
from domain.transaction import Actor

STAFF = Actor(id="staff:tests", staff=True)
USD = Currency.of("USD")


@dataclass(frozen=True, slots=True)
class Shop:
    bus: Bus

    async def give(self, command: Command, *, actor: Actor = STAFF, **how: Any) -> Accepted:
        return await self.bus.execute(Request(command=command, actor=actor, **how))

    async def user(self, user_id: UUID | None = None) -> UUID:
        return (await self.give(RegisterUser(id=user_id, name="Ada", email=email()))).stream_id

    async def product(self, *, price: str = "9.99", stock: int | None = None, product_id: UUID | None = None) -> UUID:
        wanted = AddProduct(id=product_id, sku=uuid4().hex, name="Tea", price=Decimal(price), stock=stock)
        return (await self.give(wanted)).stream_id

    async def order(self, user_id: UUID, *product_ids: UUID, quantity: int = 1) -> UUID:
        return (await self.give(basket(user_id, *product_ids, quantity=quantity))).stream_id

    async def paid_order(self, user_id: UUID, *product_ids: UUID) -> UUID:
        order_id = await self.order(user_id, *product_ids)
        await self.give(PayOrder(order_id=order_id, payment_reference="pi_1"))
        return order_id

    async def shipped_order(self, user_id: UUID, *product_ids: UUID) -> UUID:
        order_id = await self.paid_order(user_id, *product_ids)
        await self.give(ShipOrder(order_id=order_id, carrier="DHL", tracking_number="1Z"))
        return order_id

    async def delivered_order(self, user_id: UUID, *product_ids: UUID) -> UUID:
        order_id = await self.shipped_order(user_id, *product_ids)
        await self.give(DeliverOrder(order_id=order_id))
        return order_id


def basket(user_id: UUID, *product_ids: UUID, quantity: int = 1) -> CreateOrder:
    lines = tuple(Line(product_id=product_id, quantity=quantity) for product_id in product_ids)
    return CreateOrder(user_id=user_id, items=lines)


def email() -> str:
    return f"{uuid4().hex}@example.com"


def id_in(partition: int, of: Callable[[UUID], int] = partition_of_user) -> UUID:
    """Return a new id whose events are in that partition."""
    while of(found := uuid4()) != partition:
        pass
    return found
