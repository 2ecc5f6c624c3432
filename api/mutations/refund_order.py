"""refundOrder: for staff."""

import strawberry

from api.context import Info
from api.dispatch import ChangeInput, dispatch
from api.types.results import OrderAccepted, OrderResult
from domain.commands import RefundOrder


@strawberry.input
class RefundOrderInput(ChangeInput):
    order_id: strawberry.ID
    reason: str


async def refund_order(info: Info, input: RefundOrderInput) -> OrderResult:
    info.context.principal.require_staff()
    return await dispatch(info, RefundOrder, input, OrderAccepted.of)
