"""addOrderItem: for a customer's own orders, and for staff."""

import strawberry

from api.context import Info
from api.dispatch import ChangeInput, dispatch
from api.types.inputs import OrderLineInput
from api.types.results import OrderAccepted, OrderResult
from domain.commands import AddOrderItem


@strawberry.input
class AddOrderItemInput(ChangeInput):
    order_id: strawberry.ID
    item: OrderLineInput


async def add_order_item(info: Info, input: AddOrderItemInput) -> OrderResult:
    info.context.principal.require_signed_in()
    return await dispatch(info, AddOrderItem, input, OrderAccepted.of)
