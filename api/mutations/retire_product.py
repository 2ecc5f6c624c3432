"""retireProduct: for staff."""

import strawberry

from api.context import Info
from api.dispatch import ChangeInput, dispatch
from api.types.results import ProductAccepted, ProductResult
from domain.commands import RetireProduct


@strawberry.input
class RetireProductInput(ChangeInput):
    product_id: strawberry.ID


async def retire_product(info: Info, input: RetireProductInput) -> ProductResult:
    info.context.principal.require_staff()
    return await dispatch(info, RetireProduct, input, ProductAccepted.of)
