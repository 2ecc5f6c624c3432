"""Note that a shipped order has arrived."""

from dataclasses import dataclass
from uuid import UUID

from domain import order, orders
from domain.lifecycle import Action
from domain.transaction import Change, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverOrder:
    order_id: UUID


async def handle(command: DeliverOrder, tx: Transaction) -> Change:
    current = await orders.lock(command.order_id, tx)
    return orders.advance(current, Action.DELIVER, order.deliver(current), tx)
