"""renameUser: for a customer itself, and for staff."""

import strawberry

from api.context import Info
from api.dispatch import ChangeInput, dispatch
from api.types.results import UserAccepted, UserResult
from domain.commands import RenameUser


@strawberry.input
class RenameUserInput(ChangeInput):
    user_id: strawberry.ID
    name: str


async def rename_user(info: Info, input: RenameUserInput) -> UserResult:
    principal = info.context.principal
    principal.require_signed_in()
    return await dispatch(
        info, RenameUser, input, UserAccepted.of, allow=lambda command: principal.require_access_to(command.user_id)
    )
