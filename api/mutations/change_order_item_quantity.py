"""changeOrderItemQuantity: for a customer's own orders, and for staff."""

import strawberry

from api.context import Info
from api.dispatch import ChangeInput, dispatch
from api.types.results import OrderAccepted, OrderResult
from domain.commands import ChangeOrderItemQuantity


@strawberry.input
class ChangeOrderItemQuantityInput(ChangeInput):
    order_id: strawberry.ID
    product_id: strawberry.ID
    quantity: int


async def change_order_item_quantity(info: Info, input: ChangeOrderItemQuantityInput) -> OrderResult:
    info.context.principal.require_signed_in()
    return await dispatch(info, ChangeOrderItemQuantity, input, OrderAccepted.of)
