"""restockProduct: for staff."""

import strawberry

from api.context import Info
from api.dispatch import ChangeInput, dispatch
from api.types.results import ProductAccepted, ProductResult
from domain.commands import RestockProduct


@strawberry.input
class RestockProductInput(ChangeInput):
    product_id: strawberry.ID
    quantity: int = strawberry.field(description="Added to the stock; below zero takes away.")


async def restock_product(info: Info, input: RestockProductInput) -> ProductResult:
    info.context.principal.require_staff()
    return await dispatch(info, RestockProduct, input, ProductAccepted.of)
