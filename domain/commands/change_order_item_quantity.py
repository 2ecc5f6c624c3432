"""Order more or fewer pieces of an item, of an order that is not paid yet."""

from dataclasses import dataclass
from uuid import UUID

from domain import catalogue, order, orders
from domain.lifecycle import Action
from domain.transaction import Change, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOrderItemQuantity:
    order_id: UUID
    product_id: UUID
    quantity: int


async def handle(command: ChangeOrderItemQuantity, tx: Transaction) -> Change:
    current = await orders.lock_whole(command.order_id, tx)
    products = await catalogue.look_up([command.product_id], tx)
    fact = order.change_quantity(current, product_id=command.product_id, quantity=command.quantity, catalogue=products)
    changed = orders.set_quantity(current.order_id, fact.product_id, fact.quantity)
    taken = catalogue.take({fact.product_id: fact.quantity - fact.before})
    return orders.advance(current, Action.CHANGE_ITEM_QUANTITY, fact, tx, changed, taken, total=fact.total)
