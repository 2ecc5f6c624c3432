"""shipOrder: for staff."""

import strawberry

from api.context import Info
from api.dispatch import ChangeInput, dispatch
from api.types.results import OrderAccepted, OrderResult
from domain.commands import ShipOrder


@strawberry.input
class ShipOrderInput(ChangeInput):
    order_id: strawberry.ID
    carrier: str
    tracking_number: str


async def ship_order(info: Info, input: ShipOrderInput) -> OrderResult:
    info.context.principal.require_staff()
    return await dispatch(info, ShipOrder, input, OrderAccepted.of)
