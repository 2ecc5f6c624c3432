"""Take an item out of an order that is not paid yet, and give its pieces back."""

from dataclasses import dataclass
from uuid import UUID

from domain import catalogue, order, orders
from domain.lifecycle import Action
from domain.transaction import Change, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveOrderItem:
    order_id: UUID
    product_id: UUID


async def handle(command: RemoveOrderItem, tx: Transaction) -> Change:
    current = await orders.lock_whole(command.order_id, tx)
    fact = order.remove_item(current, product_id=command.product_id)
    removed = orders.remove_item(current.order_id, command.product_id)
    given_back = catalogue.give_back([fact.line])
    return orders.advance(current, Action.REMOVE_ITEM, fact, tx, removed, given_back, total=fact.total)
