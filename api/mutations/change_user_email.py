"""changeUserEmail: for a customer itself, and for staff."""

import strawberry

from api.context import Info
from api.dispatch import ChangeInput, dispatch
from api.types.results import UserAccepted, UserResult
from domain.commands import ChangeUserEmail


@strawberry.input
class ChangeUserEmailInput(ChangeInput):
    user_id: strawberry.ID
    email: str


async def change_user_email(info: Info, input: ChangeUserEmailInput) -> UserResult:
    principal = info.context.principal
    principal.require_signed_in()
    return await dispatch(
        info,
        ChangeUserEmail,
        input,
        UserAccepted.of,
        allow=lambda command: principal.require_access_to(command.user_id),
    )
