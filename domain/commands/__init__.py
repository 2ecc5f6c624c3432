"""Everything that can be asked of the write side: one file a command, listed here."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from domain.commands import add_product, create_order, pay_order, register_user, ship_order
from domain.commands.add_product import AddProduct
from domain.commands.create_order import CreateOrder
from domain.commands.pay_order import PayOrder
from domain.commands.register_user import RegisterUser
from domain.commands.ship_order import ShipOrder
from domain.transaction import Change, Transaction

__all__ = ["HANDLERS", "AddProduct", "Command", "CreateOrder", "PayOrder", "RegisterUser", "ShipOrder"]

Command = RegisterUser | AddProduct | CreateOrder | PayOrder | ShipOrder

# Handlers take their own command type only, which no mapping can express.
HANDLERS: Mapping[type[Command], Callable[[Any, Transaction], Awaitable[Change]]] = {
    RegisterUser: register_user.handle,
    AddProduct: add_product.handle,
    CreateOrder: create_order.handle,
    PayOrder: pay_order.handle,
    ShipOrder: ship_order.handle,
}
