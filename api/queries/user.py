"""One user by its id; a customer sees itself."""

import strawberry

from api.context import Info
from api.reading import one
from api.scalars import ConsistencyToken, uuid_of
from api.types.user import User
from projections.statements import found
from projections.views import users_view


async def user(info: Info, id: strawberry.ID, consistent_with: ConsistencyToken | None = None) -> User | None:
    wanted = uuid_of(id, "id")
    info.context.principal.require_access_to(wanted)
    return await one(info, User, found(users_view.by_id, user_id=wanted), consistent_with)
