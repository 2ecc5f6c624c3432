"""Add an item to an order that is not paid yet, and take its pieces from the stock."""

from dataclasses import dataclass
from uuid import UUID

from domain import catalogue, order, orders
from domain.lifecycle import Action
from domain.order import Line
from domain.transaction import Change, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOrderItem:
    order_id: UUID
    item: Line


async def handle(command: AddOrderItem, tx: Transaction) -> Change:
    current = await orders.lock_whole(command.order_id, tx)
    products = await catalogue.look_up([command.item.product_id], tx)
    fact = order.add_item(current, item=command.item, catalogue=products, pricing=tx.pricing)
    added = orders.add_items(current.order_id, [fact.line])
    taken = catalogue.take({fact.line.product_id: fact.line.quantity})
    return orders.advance(current, Action.ADD_ITEM, fact, tx, added, taken, total=fact.total)
