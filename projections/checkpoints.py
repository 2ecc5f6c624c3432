"""Checkpoints: up to which position of each partition a projection has read the log, moved with its rows."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Connection, DateTime, SmallInteger, Text, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field

from domain.event_log import PARTITIONS
from projections.progress import Progress
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
    select projection, partition, position from checkpoints
    where projection = any(cast(:names as text[])) and partition = any(cast(:partitions as smallint[]))
    order by partition, projection for update skip locked
""")
_MOVE = text("""
    update checkpoints c set position = m.after, moved_at = clock_timestamp()
    from unnest(cast(:names as text[]), cast(:partitions as smallint[]), cast(:before as bigint[]),
                cast(:after as bigint[])) m (name, partition, before, after)
    where c.projection = m.name and c.partition = m.partition and c.position = m.before
""")
_POSITION = text("select position from checkpoints where projection = :name and partition = :partition")
_SLOWEST = text("""
    select partition, min(position) as position from checkpoints
    where projection = any(cast(:names as text[])) group by partition
""")


def ensure(connection: Connection, names: Iterable[str]) -> None:
    """Give each projection that has none its checkpoints, at the beginning of the log."""
    connection.execute(_ENSURE, {"names": list(names), "last": PARTITIONS - 1})


def take(connection: Connection, names: Iterable[str], partitions: Iterable[int]) -> list[Progress]:
    """Lock checkpoints until the end of the transaction and return them, less those that another one holds."""
    taken = connection.execute(_TAKE, {"names": list(names), "partitions": list(partitions)})
    return [
        Progress(projection=name, partition=partition, position=position) for name, partition, position in taken.all()
    ]


def move(connection: Connection, moves: Sequence[tuple[Progress, Progress]]) -> None:
    """Move checkpoints, each from where it was to where it is now; raise CheckpointMovedError if one is not there."""
    if not moves:
        return
    moved = connection.execute(
        _MOVE,
        {
            "names": [before.projection for before, _ in moves],
            "partitions": [before.partition for before, _ in moves],
            "before": [before.position for before, _ in moves],
            "after": [after.position for _, after in moves],
        },
    )
    if moved.rowcount != len(moves):
        raise CheckpointMovedError(f"checkpoints are no longer where they were: {[before for before, _ in moves]}")


async def position(connection: AsyncConnection, name: str, partition: int) -> int:
    """Return up to which position a projection has applied a partition; 0 before its first event."""
    return (await connection.execute(_POSITION, {"name": name, "partition": partition})).scalar_one_or_none() or 0


def slowest(connection: Connection, names: Iterable[str]) -> dict[int, int]:
    """Return, a partition, the position that all these projections have reached."""
    return {row.partition: row.position for row in connection.execute(_SLOWEST, {"names": list(names)})}
