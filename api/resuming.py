"""Where a subscription to orders begins, and the token behind each order that it sends, to go on from there."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from api.consistency import Token
from api.context import Info
from api.errors import ApiError
from api.live import LAST
from api.scalars import ConsistencyToken
from api.types.order import Order
from domain.event_log import partition_of_user
from projections.projection import Row
from projections.views import user_orders_view
from projections.views.user_orders_view import Place, place


async def place_of(info: Info, token: ConsistencyToken, user_id: UUID) -> Place:
    """Return the token's place among the changes of a user's orders, once the read table has come that far."""
    after = Token.parse(token)
    if after.partition != partition_of_user(user_id):
        raise ApiError("INVALID_TOKEN", "This token tells nothing of these orders: give one that came with them.")
    await info.context.consistency.require(user_orders_view.PROJECTION.name, after)
    return after.position, after.row or LAST


async def changes(
    info: Info, user_id: UUID, after: Place | None, *, order_id: UUID | None = None
) -> AsyncGenerator[Order, None]:
    """Yield a user's orders, or the one of them, after each change."""
    info.context.shows(user_orders_view.PROJECTION)
    async with aclosing(info.context.live.changes(user_id, after, order_id=order_id)) as rows:
        async for row in rows:
            yield resumable(info, row)


def resumable(info: Info, row: Row) -> Order:
    """Return the order of a row, and let the token of its place go with it."""
    position, order_id = place(row)
    info.context.resume.token = Token(partition=partition_of_user(row["user_id"]), position=position, row=order_id)
    return Order.of(row)
