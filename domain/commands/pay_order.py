"""Take an order's payment; the reference names it at the payment provider."""

from dataclasses import dataclass
from uuid import UUID

from domain import order, orders
from domain.lifecycle import Action
from domain.transaction import Change, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class PayOrder:
    order_id: UUID
    payment_reference: str


async def handle(command: PayOrder, tx: Transaction) -> Change:
    current = await orders.lock(command.order_id, tx)
    fact = order.pay(current, payment_reference=command.payment_reference)
    return orders.advance(current, Action.PAY, fact, tx, payment_reference=fact.payment_reference)
