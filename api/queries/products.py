"""The catalogue by name, for everybody."""

import strawberry

from api.context import Info
from api.errors import BadUserInput
from api.pagination import PageArguments
from api.scalars import ConsistencyToken
from api.types.connections import ProductConnection, products_matching
from projections.views import products_view

LONGEST_SEARCH = 200


@strawberry.input
class ProductFilter:
    search: str | None = None
    retired: bool | None = None
    in_stock: bool | None = None


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
    if asked.search is not None and (len(asked.search) > LONGEST_SEARCH or "\0" in asked.search):
        raise BadUserInput(f"search must be text of at most {LONGEST_SEARCH} characters.")
    await info.context.caught_up(products_view.PROJECTION, consistent_with)
    return await products_matching(
        info,
        search=asked.search,
        retired=asked.retired,
        in_stock=asked.in_stock,
        wanted=PageArguments(first=first, after=after, last=last, before=before),
    )
