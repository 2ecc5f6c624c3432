"""One user by its id; a customer sees itself."""

import strawberry

from api.context import Info
from api.scalars import ConsistencyToken, uuid_of
from api.selection import Selection, only_shown
from api.types.user import SHOWN, User
from projections.views import users_view


async def user(info: Info, id: strawberry.ID, consistent_with: ConsistencyToken | None = None) -> User | None:
    wanted = uuid_of(id, "id")
    info.context.principal.require_access_to(wanted)
    await info.context.caught_up(users_view.PROJECTION, consistent_with)
    found = only_shown(users_view.by_id(wanted), Selection.of(info), SHOWN)
    row = await info.context.reads.one(found)
    return User.of(row) if row is not None else None
