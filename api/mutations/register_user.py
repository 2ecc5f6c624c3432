"""registerUser: for everybody."""

import strawberry

from api.context import Info
from api.dispatch import CommandInput, dispatch
from api.types.results import UserAccepted, UserResult
from domain.commands import RegisterUser


@strawberry.input
class RegisterUserInput(CommandInput):
    id: strawberry.ID | None = strawberry.field(default=None, description="Chosen by the client, else by the server.")
    name: str
    email: str


async def register_user(info: Info, input: RegisterUserInput) -> UserResult:
    return await dispatch(info, RegisterUser, input, UserAccepted.of)
