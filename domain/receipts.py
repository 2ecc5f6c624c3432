"""Receipts: the same command with the same key is carried out once, and answered alike ever after.

Only what was carried out leaves a receipt, in its own transaction; a refused command may be tried again with its key.
Receipts that nobody will come back for are pruned.
"""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import Connection as SyncConnection
from sqlalchemy import text

from domain.errors import IdempotencyKeyReused
from domain.statements import ALL_IS_WELL, Connection, Write


class KeyTakenMeanwhileError(Exception):
    """A command with this key was carried out before: roll back, and answer with its receipt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a command did. `position` is 0 while its event waits to be appended by the same transaction."""

    stream_id: UUID
    version: int
    partition: int
    position: int


def fingerprint(command: object, expected_version: int | None) -> bytes:
    """Return 32 bytes that two inputs share only if they ask for the same."""
    # Not JSON: what the rules will refuse, such as half a surrogate pair, must have a fingerprint too.
    return sha256(repr((command, expected_version)).encode("utf-8", "surrogatepass")).digest()


_FIND = text("""
    select r.fingerprint, r.stream_id, r.version, coalesce(e.partition, 0) as partition,
           coalesce(e.position, 0) as position
    from receipts r
    left join events e on e.stream_id = r.stream_id and e.version = r.version
    where r.actor = :actor and r.key = :key
""")
_WRITE = text(f"""
    insert into receipts (actor, key, fingerprint, stream_id, version)
    select cast(:actor as text), cast(:key as text), cast(:fingerprint as bytea), cast(:stream_id as uuid),
           cast(:version as int)
    where {ALL_IS_WELL}
    on conflict do nothing
    returning true
""")


async def find(connection: Connection, *, actor: str, key: str, print_: bytes) -> Receipt | None:
    """Return the receipt of this actor's key; raise IdempotencyKeyReused where it is for another input."""
    row = await connection.one(_FIND, {"actor": actor, "key": key})
    if row is None:
        return None
    if bytes(row.fingerprint) != print_:
        raise IdempotencyKeyReused
    return Receipt(stream_id=row.stream_id, version=row.version, partition=row.partition, position=row.position)


def write(*, actor: str, key: str, print_: bytes, stream_id: UUID, version: int) -> Write:
    """Return the write of a receipt; it raises KeyTakenMeanwhileError where the key has one."""
    row = {"actor": actor, "key": key, "fingerprint": print_, "stream_id": stream_id, "version": version}
    return Write(statement=_WRITE, parameters=row, otherwise=_taken)


async def _taken() -> KeyTakenMeanwhileError:
    return KeyTakenMeanwhileError()


# By the clock of the server that wrote them: now(), since no index is searched by clock_timestamp(). What another one
# has locked is left to it.
_PRUNE = text("""
    with old as (
        select actor, key from receipts
        where created_at < now() - cast(:older_than as interval)
        order by created_at limit :limit for update skip locked
    )
    delete from receipts r using old where r.actor = old.actor and r.key = old.key
""")


def prune(connection: SyncConnection, *, older_than: timedelta, limit: int = 10_000) -> int:
    """Delete receipts that are older than that, the oldest first and at most `limit`; return how many it were."""
    return connection.execute(_PRUNE, {"older_than": older_than, "limit": limit}).rowcount
