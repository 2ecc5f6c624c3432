"""All users, newest first; for staff."""

import strawberry

from api.context import Info
from api.pagination import Listing, PageArguments
from api.scalars import ConsistencyToken
from api.types import user
from api.types.connections import Connection, Kind, connection
from api.types.searches import words
from api.types.user import User
from projections.views import users_view

USERS = Kind(projection=users_view.PROJECTION, of=User.of, shown=user.SHOWN)
UserConnection = Connection[User]


@strawberry.input
class UserFilter:
    search: str | None = strawberry.field(
        default=None, description="Words in name or e-mail; all of them must be there."
    )


async def users(
    info: Info,
    where: UserFilter | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    consistent_with: ConsistencyToken | None = None,
) -> UserConnection:
    info.context.principal.require_staff()
    searched = words(where.search if where else None)
    listing = Listing(parts=users_view.matching(searched), keyset=users_view.NEWEST_FIRST, binding=("users", searched))
    wanted = PageArguments(first=first, after=after, last=last, before=before)
    return await connection(info, USERS, listing, wanted, consistent_with)
