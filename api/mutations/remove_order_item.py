"""removeOrderItem: for a customer's own orders, and for staff."""

import strawberry

from api.context import Info
from api.dispatch import ChangeInput, dispatch
from api.types.results import OrderAccepted, OrderResult
from domain.commands import RemoveOrderItem


@strawberry.input
class RemoveOrderItemInput(ChangeInput):
    order_id: strawberry.ID
    product_id: strawberry.ID


async def remove_order_item(info: Info, input: RemoveOrderItemInput) -> OrderResult:
    info.context.principal.require_signed_in()
    return await dispatch(info, RemoveOrderItem, input, OrderAccepted.of)
