"""The orders of a user, newest first."""

import strawberry

from api.context import Info
from api.pagination import PageArguments
from api.scalars import ConsistencyToken, uuid_of
from api.types.connections import OrderConnection, orders_of
from domain.lifecycle import Status


async def user_orders(
    info: Info,
    user_id: strawberry.ID,
    status: list[Status] | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    page: int | None = None,
    consistent_with: ConsistencyToken | None = None,
) -> OrderConnection:
    user = uuid_of(user_id, "userId")
    info.context.principal.require_access_to(user)
    wanted = PageArguments(first=first, after=after, last=last, before=before, page=page)
    return await orders_of(info, user, status, wanted, consistent_with)
