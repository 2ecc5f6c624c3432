"""changeProductPrice: for staff."""

from decimal import Decimal

import strawberry

from api.context import Info
from api.dispatch import ChangeInput, dispatch
from api.types.results import ProductAccepted, ProductResult
from domain.commands import ChangeProductPrice


@strawberry.input
class ChangeProductPriceInput(ChangeInput):
    product_id: strawberry.ID
    price: Decimal


async def change_product_price(info: Info, input: ChangeProductPriceInput) -> ProductResult:
    info.context.principal.require_staff()
    return await dispatch(info, ChangeProductPrice, input, ProductAccepted.of)
