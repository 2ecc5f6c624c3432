"""One product by its id, for everybody."""

import strawberry

from api.context import Info
from api.scalars import ConsistencyToken, uuid_of
from api.selection import Selection, only_shown
from api.types.product import SHOWN, Product
from projections.views import products_view


async def product(info: Info, id: strawberry.ID, consistent_with: ConsistencyToken | None = None) -> Product | None:
    found = products_view.by_id(uuid_of(id, "id"))
    await info.context.caught_up(products_view.PROJECTION, consistent_with)
    row = await info.context.reads.one(only_shown(found, Selection.of(info), SHOWN))
    return Product.of(row) if row is not None else None
