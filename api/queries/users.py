"""All users, newest first; for staff."""

import strawberry

from api.context import Info
from api.pagination import Listing, PageArguments
from api.scalars import ConsistencyToken
from api.types.connections import Connection, connection
from api.types.searches import words
from api.types.user import User
from projections.statements import found
from projections.views import users_view

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
    listing = Listing(name="users", found=found(users_view.matching, words=searched), keyset=users_view.NEWEST_FIRST)
    wanted = PageArguments(first=first, after=after, last=last, before=before)
    return await connection(info, User, listing, wanted, consistent_with)
