"""The user that the bearer token names: a customer itself, and of staff those who are users too."""

from uuid import UUID

from api.context import Info
from api.selection import Selection, only_shown
from api.types.user import SHOWN, User
from projections.views import users_view


async def me(info: Info) -> User | None:
    principal = info.context.principal
    principal.require_signed_in()
    try:
        user_id = UUID(principal.subject)
    except ValueError:  # staff that is no user
        return None
    await info.context.caught_up(users_view.PROJECTION, None)
    found = only_shown(users_view.by_id(user_id), Selection.of(info), SHOWN)
    row = await info.context.reads.one(found)
    return User.of(row) if row is not None else None
