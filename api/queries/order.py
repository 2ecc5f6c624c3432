"""One order by its id; a customer sees its own."""

import strawberry

from api.context import Info
from api.scalars import ConsistencyToken, uuid_of
from api.selection import Selection, only_shown
from api.types.order import SHOWN, Order
from projections.views import user_orders_view


async def order(info: Info, id: strawberry.ID, consistent_with: ConsistencyToken | None = None) -> Order | None:
    info.context.principal.require_signed_in()
    found = user_orders_view.by_id(uuid_of(id, "id"), user_id=info.context.principal.user_id)
    await info.context.caught_up(user_orders_view.PROJECTION, consistent_with)
    row = await info.context.reads.one(only_shown(found, Selection.of(info), SHOWN))
    return Order.of(row) if row is not None else None
