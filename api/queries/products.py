"""The catalogue by name, for everybody."""

import strawberry

from api.context import Info
from api.pagination import Listing, PageArguments
from api.scalars import ConsistencyToken
from api.types.connections import Connection, connection
from api.types.product import Product
from api.types.searches import words
from projections.statements import found
from projections.views import products_view

ProductConnection = Connection[Product]


@strawberry.input
class ProductFilter:
    search: str | None = strawberry.field(default=None, description="Words in name or sku; all of them must be there.")
    retired: bool | None = None
    in_stock: bool | None = strawberry.field(default=None, description="Products that are not counted are in stock.")


async def products(
    info: Info,
    where: ProductFilter | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    consistent_with: ConsistencyToken | None = None,
) -> ProductConnection:
    asked = where or ProductFilter()
    matching = found(products_view.matching, words=words(asked.search), retired=asked.retired, in_stock=asked.in_stock)
    listing = Listing(name="products", found=matching, keyset=products_view.BY_NAME)
    wanted = PageArguments(first=first, after=after, last=last, before=before)
    return await connection(info, Product, listing, wanted, consistent_with)
