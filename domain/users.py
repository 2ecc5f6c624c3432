"""An existing user in the write store: locked for a decision, changed after it."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update

from domain.errors import NotFound
from domain.event_log import partition_of_user
from domain.events import Fact
from domain.statements import Write
from domain.tables import User, table
from domain.transaction import Change, Transaction

_USERS = table(User)
# Waits for orders that are being placed: they hold this row "for share", so that its name does not change meanwhile.
_LOCK = select(_USERS.c.version).where(_USERS.c.id == bindparam("user_id")).with_for_update(key_share=True)
_CHANGE = update(_USERS).where(_USERS.c.id == bindparam("user_id")).returning(_USERS.c.id)


async def lock(user_id: UUID, tx: Transaction) -> int:
    """Lock a user until the commit and return its version; refuse where there is none, or another than expected."""
    row = await tx.connection.one(_LOCK, {"user_id": user_id})
    if row is None:
        raise NotFound("There is no user with this id.", ("userId",), id=user_id)
    tx.expect(row.version)
    return int(row.version)


def change(user_id: UUID, version: int, fact: Fact, tx: Transaction, **columns: Any) -> Change:
    row = {"user_id": user_id, "version": version + 1, "updated_at": tx.now, **columns}
    return Change(
        stream_type="user",
        stream_id=user_id,
        partition=partition_of_user(user_id),
        version=version + 1,
        fact=fact,
        writes=[Write(statement=_CHANGE, parameters=row)],
    )
