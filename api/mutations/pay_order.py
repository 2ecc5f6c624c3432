"""payOrder: for staff."""

import strawberry

from api.context import Info
from api.dispatch import ChangeInput, dispatch
from api.types.results import OrderAccepted, OrderResult
from domain.commands import PayOrder


@strawberry.input
class PayOrderInput(ChangeInput):
    order_id: strawberry.ID
    payment_reference: str


async def pay_order(info: Info, input: PayOrderInput) -> OrderResult:
    info.context.principal.require_staff()
    return await dispatch(info, PayOrder, input, OrderAccepted.of)
