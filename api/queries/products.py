"""The catalogue by name, for everybody."""

import strawberry

from api.context import Info
from api.pagination import Listing, PageArguments
from api.scalars import ConsistencyToken
from api.types import product
from api.types.connections import Connection, Kind, connection
from api.types.product import Product
from api.types.searches import words
from projections.views import products_view

PRODUCTS = Kind(projection=products_view.PROJECTION, of=Product.of, shown=product.SHOWN)
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
    searched = words(asked.search)
    listing = Listing(
        parts=products_view.matching(words=searched, retired=asked.retired, in_stock=asked.in_stock),
        keyset=products_view.BY_NAME,
        binding=("products", searched, asked.retired, asked.in_stock),
    )
    wanted = PageArguments(first=first, after=after, last=last, before=before)
    return await connection(info, PRODUCTS, listing, wanted, consistent_with)
