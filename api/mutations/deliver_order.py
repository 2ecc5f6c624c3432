"""deliverOrder: for staff."""

import strawberry

from api.context import Info
from api.dispatch import ChangeInput, dispatch
from api.types.results import OrderAccepted, OrderResult
from domain.commands import DeliverOrder


@strawberry.input
class DeliverOrderInput(ChangeInput):
    order_id: strawberry.ID


async def deliver_order(info: Info, input: DeliverOrderInput) -> OrderResult:
    info.context.principal.require_staff()
    return await dispatch(info, DeliverOrder, input, OrderAccepted.of)
