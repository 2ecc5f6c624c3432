"""One command of each kind that a shop would accept, with all that must be there before it."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from uuid import uuid4

from domain.commands import AddProduct, Command, CreateOrder, PayOrder, RegisterUser, ShipOrder
from tests.support.shop import Shop, basket, email


async def register_user(_: Shop) -> Command:
    return RegisterUser(name="Ada", email=email())


async def add_product(_: Shop) -> Command:
    return AddProduct(sku=uuid4().hex, name="Tea", price=Decimal("9.99"), stock=5)


async def create_order(shop: Shop) -> Command:
    return basket(await shop.user(), await shop.product(stock=5))


async def pay_order(shop: Shop) -> Command:
    return PayOrder(order_id=await shop.order(await shop.user(), await shop.product()), payment_reference="pi_1")


async def ship_order(shop: Shop) -> Command:
    order_id = await shop.paid_order(await shop.user(), await shop.product())
    return ShipOrder(order_id=order_id, carrier="DHL", tracking_number="1Z")


EXAMPLES: Mapping[type[Command], Callable[[Shop], Awaitable[Command]]] = {
    RegisterUser: register_user,
    AddProduct: add_product,
    CreateOrder: create_order,
    PayOrder: pay_order,
    ShipOrder: ship_order,
}
