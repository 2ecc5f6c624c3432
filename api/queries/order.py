"""One order by its id, as it is or as it was; a customer sees its own."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.context import Info
from api.reading import one, shown
from api.scalars import ConsistencyToken, uuid_of
from api.types.order import Order
from projections.statements import found
from projections.views import user_orders_view

AsOf = Annotated[
    datetime | None,
    strawberry.argument(description="The order as it stood at that moment, folded from the log."),
]


async def order(
    info: Info, id: strawberry.ID, consistent_with: ConsistencyToken | None = None, as_of: AsOf = None
) -> Order | None:
    info.context.principal.require_signed_in()
    if as_of is not None:
        return await _of_the_past(info, uuid_of(id, "id"), as_of)
    own = info.context.principal.user_id
    return await one(
        info, Order, found(user_orders_view.by_id, order_id=uuid_of(id, "id"), user_id=own), consistent_with
    )


async def _of_the_past(info: Info, order_id: UUID, as_of: datetime) -> Order | None:
    row = await info.context.history.order(order_id, as_of)
    if row is None or info.context.principal.user_id not in {None, row["user_id"]}:
        return None
    return shown(info, Order, row)
