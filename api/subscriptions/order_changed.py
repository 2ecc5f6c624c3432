"""One order, now and after each change; a customer follows its own."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import strawberry

from api.context import Info
from api.errors import ApiError
from api.reading import caught_up
from api.resuming import changes, place_of, resumable
from api.scalars import ConsistencyToken, uuid_of
from api.types.order import Order
from projections.projection import Row
from projections.statements import found
from projections.views import user_orders_view


async def order_changed(
    info: Info, order_id: strawberry.ID, after: ConsistencyToken | None = None
) -> AsyncGenerator[Order, None]:
    info.context.principal.require_signed_in()
    own = info.context.principal.user_id
    order = found(user_orders_view.by_id, order_id=uuid_of(order_id, "orderId"), user_id=own)
    await caught_up(info, user_orders_view.PROJECTION, after)
    row = next(iter(await info.context.live.read(order.rows())), None)
    if row is None:
        raise ApiError("NOT_FOUND", "There is no such order; if it was just created, give its token as `after`.")
    if after is None:
        return _from_now(info, row)
    return changes(info, row["user_id"], await place_of(info, after, row["user_id"]), order_id=row["order_id"])


async def _from_now(info: Info, row: Row) -> AsyncGenerator[Order, None]:
    yield resumable(info, row)
    behind = user_orders_view.place(row)
    async with aclosing(changes(info, row["user_id"], behind, order_id=row["order_id"])) as later:
        async for order in later:
            yield order
