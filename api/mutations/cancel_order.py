"""cancelOrder: for a customer's own orders, and for staff."""

import strawberry

from api.context import Info
from api.dispatch import ChangeInput, dispatch
from api.types.results import OrderAccepted, OrderResult
from domain.commands import CancelOrder


@strawberry.input
class CancelOrderInput(ChangeInput):
    order_id: strawberry.ID
    reason: str


async def cancel_order(info: Info, input: CancelOrderInput) -> OrderResult:
    info.context.principal.require_signed_in()
    return await dispatch(info, CancelOrder, input, OrderAccepted.of)
