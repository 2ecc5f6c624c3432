"""The user that the bearer token names: a customer itself, and of staff those who are users too."""

from uuid import UUID

from api.context import Info
from api.reading import one
from api.types.user import User
from projections.statements import found
from projections.views import users_view


async def me(info: Info) -> User | None:
    principal = info.context.principal
    principal.require_signed_in()
    try:
        user_id = UUID(principal.subject)
    except ValueError:  # staff that is no user
        return None
    return await one(info, User, found(users_view.by_id, user_id=user_id))
