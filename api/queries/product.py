"""One product by its id, for everybody."""

import strawberry

from api.context import Info
from api.reading import one
from api.scalars import ConsistencyToken, uuid_of
from api.types.product import Product
from projections.statements import found
from projections.views import products_view


async def product(info: Info, id: strawberry.ID, consistent_with: ConsistencyToken | None = None) -> Product | None:
    return await one(info, Product, found(products_view.by_id, product_id=uuid_of(id, "id")), consistent_with)
