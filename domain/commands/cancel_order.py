"""Call an order off before it is shipped, and give its pieces back."""

from dataclasses import dataclass
from uuid import UUID

from domain import catalogue, order, orders
from domain.lifecycle import Action
from domain.transaction import Change, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    order_id: UUID
    reason: str


async def handle(command: CancelOrder, tx: Transaction) -> Change:
    current = await orders.lock_whole(command.order_id, tx)
    fact = order.cancel(current, reason=command.reason)
    given_back = catalogue.give_back(fact.lines)
    return orders.advance(current, Action.CANCEL, fact, tx, given_back, cancellation_reason=fact.reason)
