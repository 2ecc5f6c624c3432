"""Pay an order back; pieces that have not been shipped go back to the stock."""

from dataclasses import dataclass
from uuid import UUID

from domain import catalogue, order, orders
from domain.lifecycle import Action
from domain.transaction import Change, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrder:
    order_id: UUID
    reason: str


async def handle(command: RefundOrder, tx: Transaction) -> Change:
    current = await orders.lock_whole(command.order_id, tx)
    fact = order.refund(current, reason=command.reason)
    given_back = [catalogue.give_back(fact.lines)] if fact.restocked else []
    return orders.advance(current, Action.REFUND, fact, tx, *given_back, cancellation_reason=fact.reason)
