"""Give a user another e-mail address; its orders show it from then on. An address belongs to one user."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, select

from domain import user, users
from domain.errors import AlreadyExists
from domain.tables import User, table
from domain.transaction import Change, Transaction

_USERS = table(User)
_TAKEN = select(_USERS.c.id).where(_USERS.c.email_key == bindparam("key"), _USERS.c.id != bindparam("but"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeUserEmail:
    user_id: UUID
    email: str


async def handle(command: ChangeUserEmail, tx: Transaction) -> Change:
    version = await users.lock(command.user_id, tx)
    fact = user.change_email(user_id=command.user_id, email=command.email)
    key = user.email_key(fact.email)
    # Two who take one address at the same moment: the index refuses the later, the bus tries again, and this finds it.
    if await tx.connection.one(_TAKEN, {"key": key, "but": command.user_id}):
        raise AlreadyExists("Another user has this e-mail address: use another.", ("email",))
    return users.change(command.user_id, version, fact, tx, email=fact.email, email_key=key)
