"""One command of each kind that a shop would accept, with all that must be there before it."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from uuid import uuid4

from domain.commands import (
    AddOrderItem,
    AddProduct,
    CancelOrder,
    ChangeOrderItemQuantity,
    ChangeProductPrice,
    ChangeUserEmail,
    Command,
    CreateOrder,
    DeliverOrder,
    PayOrder,
    RefundOrder,
    RegisterUser,
    RemoveOrderItem,
    RenameProduct,
    RenameUser,
    RestockProduct,
    RetireProduct,
    ShipOrder,
)
from domain.order import Line
from tests.support.shop import Shop, basket, email


async def register_user(_: Shop) -> Command:
    return RegisterUser(name="Ada", email=email())


async def rename_user(shop: Shop) -> Command:
    return RenameUser(user_id=await shop.user(), name="Ada Lovelace")


async def change_user_email(shop: Shop) -> Command:
    return ChangeUserEmail(user_id=await shop.user(), email=email())


async def add_product(_: Shop) -> Command:
    return AddProduct(sku=uuid4().hex, name="Tea", price=Decimal("9.99"), stock=5)


async def rename_product(shop: Shop) -> Command:
    return RenameProduct(product_id=await shop.product(), name="Tea, green")


async def change_product_price(shop: Shop) -> Command:
    return ChangeProductPrice(product_id=await shop.product(), price=Decimal("12.50"))


async def restock_product(shop: Shop) -> Command:
    return RestockProduct(product_id=await shop.product(stock=5), quantity=7)


async def retire_product(shop: Shop) -> Command:
    return RetireProduct(product_id=await shop.product())


async def create_order(shop: Shop) -> Command:
    return basket(await shop.user(), await shop.product(stock=5))


async def add_order_item(shop: Shop) -> Command:
    order_id = await shop.order(await shop.user(), await shop.product(stock=5))
    return AddOrderItem(order_id=order_id, item=Line(product_id=await shop.product(stock=5), quantity=2))


async def change_order_item_quantity(shop: Shop) -> Command:
    product_id = await shop.product(stock=5)
    order_id = await shop.order(await shop.user(), product_id)
    return ChangeOrderItemQuantity(order_id=order_id, product_id=product_id, quantity=3)


async def remove_order_item(shop: Shop) -> Command:
    product_ids = await shop.product(stock=5), await shop.product(stock=5)
    order_id = await shop.order(await shop.user(), *product_ids)
    return RemoveOrderItem(order_id=order_id, product_id=product_ids[0])


async def pay_order(shop: Shop) -> Command:
    return PayOrder(order_id=await shop.order(await shop.user(), await shop.product()), payment_reference="pi_1")


async def ship_order(shop: Shop) -> Command:
    order_id = await shop.paid_order(await shop.user(), await shop.product())
    return ShipOrder(order_id=order_id, carrier="DHL", tracking_number="1Z")


async def deliver_order(shop: Shop) -> Command:
    return DeliverOrder(order_id=await shop.shipped_order(await shop.user(), await shop.product()))


async def cancel_order(shop: Shop) -> Command:
    order_id = await shop.order(await shop.user(), await shop.product(stock=5))
    return CancelOrder(order_id=order_id, reason="changed my mind")


async def refund_order(shop: Shop) -> Command:
    order_id = await shop.paid_order(await shop.user(), await shop.product(stock=5))
    return RefundOrder(order_id=order_id, reason="never arrived")


EXAMPLES: Mapping[type[Command], Callable[[Shop], Awaitable[Command]]] = {
    RegisterUser: register_user,
    RenameUser: rename_user,
    ChangeUserEmail: change_user_email,
    AddProduct: add_product,
    RenameProduct: rename_product,
    ChangeProductPrice: change_product_price,
    RestockProduct: restock_product,
    RetireProduct: retire_product,
    CreateOrder: create_order,
    AddOrderItem: add_order_item,
    ChangeOrderItemQuantity: change_order_item_quantity,
    RemoveOrderItem: remove_order_item,
    PayOrder: pay_order,
    ShipOrder: ship_order,
    DeliverOrder: deliver_order,
    CancelOrder: cancel_order,
    RefundOrder: refund_order,
}
