"""Register a user: the first fact of its stream. An e-mail address belongs to one user."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from domain import user
from domain.errors import AlreadyExists
from domain.event_log import partition_of_user
from domain.statements import Write
from domain.tables import User, table
from domain.transaction import Change, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterUser:
    name: str
    email: str
    id: UUID | None = None


_TABLE = table(User)
_OF_ID = select(_TABLE.c.id).where(_TABLE.c.id == bindparam("id"))
_ADD = insert(_TABLE).on_conflict_do_nothing().returning(_TABLE.c.id)


async def handle(command: RegisterUser, tx: Transaction) -> Change:
    fact = user.register(
        user_id=command.id or tx.new_id(), name=command.name, email=command.email, currency=tx.currency
    )
    row = {
        "id": fact.user_id,
        "name": fact.name,
        "email": fact.email,
        "email_key": user.email_key(fact.email),
        "version": 1,
        "created_at": tx.now,
        "updated_at": tx.now,
    }

    async def taken() -> AlreadyExists:
        if await tx.connection.one(_OF_ID, {"id": fact.user_id}):
            return AlreadyExists("There is a user with this id already.", ("id",), id=fact.user_id)
        return AlreadyExists("A user with this e-mail address exists already: sign in, or use another.", ("email",))

    return Change(
        stream_type="user",
        stream_id=fact.user_id,
        partition=partition_of_user(fact.user_id),
        version=1,
        fact=fact,
        writes=[Write(statement=_ADD, parameters=row, otherwise=taken)],
    )
