"""Give a user another name; its orders show it from then on."""

from dataclasses import dataclass
from uuid import UUID

from domain import user, users
from domain.transaction import Change, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameUser:
    user_id: UUID
    name: str


async def handle(command: RenameUser, tx: Transaction) -> Change:
    version = await users.lock(command.user_id, tx)
    fact = user.rename(user_id=command.user_id, name=command.name)
    return users.change(command.user_id, version, fact, tx, name=fact.name)
