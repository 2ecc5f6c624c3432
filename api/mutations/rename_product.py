"""renameProduct: for staff."""

import strawberry

from api.context import Info
from api.dispatch import ChangeInput, dispatch
from api.types.results import ProductAccepted, ProductResult
from domain.commands import RenameProduct


@strawberry.input
class RenameProductInput(ChangeInput):
    product_id: strawberry.ID
    name: str


async def rename_product(info: Info, input: RenameProductInput) -> ProductResult:
    info.context.principal.require_staff()
    return await dispatch(info, RenameProduct, input, ProductAccepted.of)
