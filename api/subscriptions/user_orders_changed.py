"""The orders of a user, each after every change of it."""

from collections.abc import AsyncGenerator

import strawberry

from api.context import Info
from api.resuming import changes, place_of
from api.scalars import ConsistencyToken, uuid_of
from api.types.order import Order


async def user_orders_changed(
    info: Info, user_id: strawberry.ID, after: ConsistencyToken | None = None
) -> AsyncGenerator[Order, None]:
    user = uuid_of(user_id, "userId")
    info.context.principal.require_access_to(user)
    return changes(info, user, None if after is None else await place_of(info, after, user))
