"""Everything that can be asked of the write side: one file a command, listed here."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from domain.commands import (
    add_order_item,
    add_product,
    cancel_order,
    change_order_item_quantity,
    change_product_price,
    change_user_email,
    create_order,
    deliver_order,
    pay_order,
    refund_order,
    register_user,
    remove_order_item,
    rename_product,
    rename_user,
    restock_product,
    retire_product,
    ship_order,
)
from domain.commands.add_order_item import AddOrderItem
from domain.commands.add_product import AddProduct
from domain.commands.cancel_order import CancelOrder
from domain.commands.change_order_item_quantity import ChangeOrderItemQuantity
from domain.commands.change_product_price import ChangeProductPrice
from domain.commands.change_user_email import ChangeUserEmail
from domain.commands.create_order import CreateOrder
from domain.commands.deliver_order import DeliverOrder
from domain.commands.pay_order import PayOrder
from domain.commands.refund_order import RefundOrder
from domain.commands.register_user import RegisterUser
from domain.commands.remove_order_item import RemoveOrderItem
from domain.commands.rename_product import RenameProduct
from domain.commands.rename_user import RenameUser
from domain.commands.restock_product import RestockProduct
from domain.commands.retire_product import RetireProduct
from domain.commands.ship_order import ShipOrder
from domain.transaction import Change, Transaction

__all__ = [
    "HANDLERS",
    "AddOrderItem",
    "AddProduct",
    "CancelOrder",
    "ChangeOrderItemQuantity",
    "ChangeProductPrice",
    "ChangeUserEmail",
    "Command",
    "CreateOrder",
    "DeliverOrder",
    "PayOrder",
    "RefundOrder",
    "RegisterUser",
    "RemoveOrderItem",
    "RenameProduct",
    "RenameUser",
    "RestockProduct",
    "RetireProduct",
    "ShipOrder",
]

Command = (
    RegisterUser
    | RenameUser
    | ChangeUserEmail
    | AddProduct
    | RenameProduct
    | ChangeProductPrice
    | RestockProduct
    | RetireProduct
    | CreateOrder
    | AddOrderItem
    | ChangeOrderItemQuantity
    | RemoveOrderItem
    | PayOrder
    | ShipOrder
    | DeliverOrder
    | CancelOrder
    | RefundOrder
)

# Handlers take their own command type only, which no mapping can express.
HANDLERS: Mapping[type[Command], Callable[[Any, Transaction], Awaitable[Change]]] = {
    RegisterUser: register_user.handle,
    RenameUser: rename_user.handle,
    ChangeUserEmail: change_user_email.handle,
    AddProduct: add_product.handle,
    RenameProduct: rename_product.handle,
    ChangeProductPrice: change_product_price.handle,
    RestockProduct: restock_product.handle,
    RetireProduct: retire_product.handle,
    CreateOrder: create_order.handle,
    AddOrderItem: add_order_item.handle,
    ChangeOrderItemQuantity: change_order_item_quantity.handle,
    RemoveOrderItem: remove_order_item.handle,
    PayOrder: pay_order.handle,
    ShipOrder: ship_order.handle,
    DeliverOrder: deliver_order.handle,
    CancelOrder: cancel_order.handle,
    RefundOrder: refund_order.handle,
}
