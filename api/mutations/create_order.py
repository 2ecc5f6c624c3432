"""createOrder: for a customer's own orders, and for staff."""

from decimal import Decimal

import strawberry

from api.context import Info
from api.dispatch import CommandInput, dispatch
from api.types.inputs import OrderLineInput
from api.types.results import OrderAccepted, OrderResult
from domain.commands import CreateOrder


@strawberry.input
class CreateOrderInput(CommandInput):
    id: strawberry.ID | None = None
    user_id: strawberry.ID
    items: list[OrderLineInput]
    expected_total: Decimal | None = strawberry.field(
        default=None, description="Refuses with TotalMismatch when the server's total differs."
    )


async def create_order(info: Info, input: CreateOrderInput) -> OrderResult:
    principal = info.context.principal
    principal.require_signed_in()
    return await dispatch(
        info,
        CreateOrder,
        input,
        OrderAccepted.of,
        allow=lambda command: principal.require_access_to(command.user_id),
    )
