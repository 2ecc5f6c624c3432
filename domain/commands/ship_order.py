"""Hand a paid order to a carrier."""

from dataclasses import dataclass
from uuid import UUID

from domain import order, orders
from domain.lifecycle import Action
from domain.transaction import Change, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipOrder:
    order_id: UUID
    carrier: str
    tracking_number: str


async def handle(command: ShipOrder, tx: Transaction) -> Change:
    current = await orders.lock(command.order_id, tx)
    fact = order.ship(current, carrier=command.carrier, tracking_number=command.tracking_number)
    return orders.advance(current, Action.SHIP, fact, tx, carrier=fact.carrier, tracking_number=fact.tracking_number)
