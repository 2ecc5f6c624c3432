"""Checkpoints: up to which position of each partition a projection has read the log, moved with its rows."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import BigInteger, Connection, DateTime, SmallInteger, Text, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field

from domain.event_log import PARTITIONS
from projections.projection import ReadTable


class Checkpoint(ReadTable, table=True):
    __tablename__ = "checkpoints"

    projection: str = Field(primary_key=True, sa_type=Text)
    partition: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    position: int = Field(sa_type=BigInteger)
    moved_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("clock_timestamp()")}
    )


class CheckpointMovedError(RuntimeError):
    """Somebody else moved a checkpoint under its lock; the batch is undone."""


_ENSURE = text("""
    insert into checkpoints (projection, partition, position)
    select name, partition, 0
    from unnest(cast(:names as text[])) name, generate_series(0, cast(:last as int)) partition
    on conflict do nothing
""")
_TAKE = text("""
    select projection, position from checkpoints
    where projection = any(cast(:names as text[])) and partition = :partition
    order by projection for update skip locked
""")
_MOVE = text("""
    update checkpoints c set position = m.after, moved_at = clock_timestamp()
    from unnest(cast(:names as text[]), cast(:before as bigint[]), cast(:after as bigint[])) m (name, before, after)
    where c.projection = m.name and c.partition = :partition and c.position = m.before
""")
_POSITION = text("select position from checkpoints where projection = :name and partition = :partition")
_SLOWEST = text("""
    select partition, min(position) as position from checkpoints
    where projection = any(cast(:names as text[])) group by partition
""")


def ensure(connection: Connection, names: Iterable[str]) -> None:
    """Give each projection that has none its checkpoints, at the beginning of the log."""
    connection.execute(_ENSURE, {"names": list(names), "last": PARTITIONS - 1})


def take(connection: Connection, names: Iterable[str], partition: int) -> dict[str, int]:
    """Lock checkpoints until the end of the transaction and return them, less those that another one holds."""
    return {row.projection: row.position for row in connection.execute(_TAKE, _of(names, partition)).all()}


def move(connection: Connection, partition: int, moves: Mapping[str, tuple[int, int]]) -> None:
    """Move checkpoints, each from where it was to where it is now; raise CheckpointMovedError if one is not there."""
    if not moves:
        return
    before, after = zip(*moves.values(), strict=True)
    moved = connection.execute(_MOVE, {**_of(moves, partition), "before": list(before), "after": list(after)})
    if moved.rowcount != len(moves):
        raise CheckpointMovedError(f"checkpoints of partition {partition} are no longer where they were: {dict(moves)}")


async def position(connection: AsyncConnection, name: str, partition: int) -> int:
    """Return up to which position a projection has applied a partition; 0 before its first event."""
    return (await connection.execute(_POSITION, {"name": name, "partition": partition})).scalar_one_or_none() or 0


def _of(names: Iterable[str], partition: int) -> dict[str, object]:
    return {"names": list(names), "partition": partition}


def slowest(connection: Connection, names: Iterable[str]) -> dict[int, int]:
    """Return, a partition, the position that all these projections have reached."""
    return {row.partition: row.position for row in connection.execute(_SLOWEST, {"names": list(names)})}
