"""addProduct: for staff."""

from decimal import Decimal

import strawberry

from api.context import Info
from api.dispatch import CommandInput, dispatch
from api.types.results import ProductAccepted, ProductResult
from domain.commands import AddProduct


@strawberry.input
class AddProductInput(CommandInput):
    id: strawberry.ID | None = None
    sku: str
    name: str
    price: Decimal
    stock: int | None = strawberry.field(default=None, description="Null: not counted.")


async def add_product(info: Info, input: AddProductInput) -> ProductResult:
    info.context.principal.require_staff()
    return await dispatch(info, AddProduct, input, ProductAccepted.of)
