"""Checkpoints: up to which position of each partition a projection has read the log, moved with its rows.

A checkpoint remembers the event that it stands on, so that another log, or one that was restored and went another way,
is noticed where it goes on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    DateTime,
    Select,
    SmallInteger,
    Text,
    any_,
    cast,
    select,
    text,
)
from sqlmodel import Field, col

from domain.driver import Write, Writes, fetch
from domain.event_log import PARTITIONS
from projections.progress import Progress
from projections.projection import ReadTable


class Checkpoint(ReadTable, table=True):
    __tablename__ = "checkpoints"

    projection: str = Field(primary_key=True, sa_type=Text)
    partition: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    position: int = Field(sa_type=BigInteger)
    event_id: UUID | None
    """Of the event at this position; None at the beginning."""
    held: int = Field(sa_column_kwargs={"server_default": text("0")})
    """How many streams of this partition are in quarantine."""
    halted: str | None = Field(sa_type=Text)
    """Why the projection cannot go on here; None: it does."""
    moved_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("clock_timestamp()")}
    )
    """When it moved last by an event that concerns the projection and was applied; else when it was made."""


class MixedUpError(RuntimeError):
    """The rows of a projection do not come from this log: going on would pass over events in silence."""


class CheckpointMovedError(RuntimeError):
    """Somebody else moved a checkpoint under its lock; the batch is undone."""


_ENSURE = text("""
    insert into checkpoints (projection, partition, position)
    select name, partition, 0
    from unnest(cast(:names as text[])) name, generate_series(0, cast(:last as int)) partition
    on conflict do nothing
""")
_TAKE = """
    select c.projection, c.partition, c.position, c.event_id, c.held, c.halted, s.log_id
    from checkpoints c
    join unnest(cast(%s as text[]), cast(%s as smallint[])) w (name, partition)
        on c.projection = w.name and c.partition = w.partition
    join projection_states s on s.projection = c.projection
    order by c.partition, c.projection for update of c skip locked
"""
_HOLD = text("select partition, position from checkpoints where projection = :name order by partition for update")
_MOVE = """
    update checkpoints c set position = m.after, event_id = m.event_id, halted = null,
                             moved_at = case when m.applied then clock_timestamp() else c.moved_at end
    from unnest(cast(%s as text[]), cast(%s as smallint[]), cast(%s as bigint[]),
                cast(%s as bigint[]), cast(%s as uuid[]), cast(%s as boolean[]))
         m (name, partition, before, after, event_id, applied)
    where c.projection = m.name and c.partition = m.partition and c.position = m.before
"""
_HALT = text("""
    update checkpoints set halted = :reason
    where projection = :name and partition = :partition and halted is distinct from :reason
    returning position
""")
_ALL = text("select projection, partition, position, event_id, held, halted from checkpoints")
_RANGES = text("""
    select partition, min(position) as slowest, max(position) as fastest, bool_or(halted is not null) as halted
    from checkpoints where projection = any(cast(:names as text[])) group by partition
""")


def ensure(connection: Connection, names: Iterable[str]) -> None:
    """Give each projection that has none its checkpoints, at the beginning of the log."""
    connection.execute(_ENSURE, {"names": list(names), "last": PARTITIONS - 1})


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A checkpoint while it is locked: where it stands, on which event of which log, and what is the matter there."""

    at: Progress
    event_id: UUID | None
    log_id: UUID | None
    held: int
    halted: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A checkpoint moves; `event_id` is that of the event at `after`; `applied`: an event that concerned it, too."""

    before: Progress
    after: Progress
    event_id: UUID | None
    applied: bool
    resumes: bool = False
    known_log: bool = True

    @property
    def is_due(self) -> bool:
        return self.before != self.after or self.resumes


def take(connection: Connection, places: Iterable[tuple[str, int]]) -> list[Taken]:
    """Lock checkpoints until the end of the transaction and return them, less those that another one holds."""
    names, partitions = zip(*places, strict=True)
    found = fetch(connection, _TAKE, [list(names), list(partitions)])
    return [
        Taken(
            at=Progress(projection=name, partition=partition, position=position),
            event_id=event_id,
            held=held,
            halted=halted,
            log_id=log_id,
        )
        for name, partition, position, event_id, held, halted, log_id in found
    ]


def hold(connection: Connection, name: str) -> dict[int, int]:
    """Lock all checkpoints of a projection, waiting for whoever has one; return their positions."""
    return {row.partition: row.position for row in connection.execute(_HOLD, {"name": name})}


def move(moves: Sequence[Move], writes: Writes) -> None:
    """Carry out writes, and with them move checkpoints, each from where it was to where it is now.

    Raises CheckpointMovedError if one is not there.
    """
    if moves:
        writes.add(_write(moves))
    moved = writes.flush()
    if moves and moved != len(moves):
        raise CheckpointMovedError(f"checkpoints are no longer where they were: {[each.before for each in moves]}")


def _write(moves: Sequence[Move]) -> Write:
    columns = zip(
        *(
            (
                each.before.projection,
                each.before.partition,
                each.before.position,
                each.after.position,
                each.event_id,
                each.applied,
            )
            for each in moves
        ),
        strict=True,
    )
    return Write(Checkpoint.__tablename__, _MOVE, [list(column) for column in columns])


def halt(connection: Connection, name: str, partition: int, reason: str) -> int | None:
    """Note why a projection cannot go on in a partition; return its position there where that is news."""
    position: int | None = connection.execute(
        _HALT, {"name": name, "partition": partition, "reason": reason}
    ).scalar_one_or_none()
    return position


def of(projection: str, partitions: list[int]) -> Select[Checkpoint]:
    """Return the select of a projection's checkpoints; before its first event in a partition it has none there."""
    here = col(Checkpoint.partition) == any_(cast(partitions, ARRAY(SmallInteger)))
    return select(Checkpoint).where(col(Checkpoint.projection) == projection, here)


def ranges(connection: Connection, names: Iterable[str]) -> dict[int, tuple[int, int, bool]]:
    """Return, a partition, the positions of the slowest and the fastest of these projections, and if one is halted."""
    found = connection.execute(_RANGES, {"names": list(names)})
    return {partition: (slowest, fastest, halted) for partition, slowest, fastest, halted in found.all()}


def check(taken: Taken, before: UUID | None, log_id: UUID) -> None:
    """Raise MixedUpError where rows do not come from this log, which has the event `before` where they stand."""
    at = taken.at
    again = f"Build it again: tandem projections rebuild {at.projection}"
    if taken.log_id not in {None, log_id}:
        raise MixedUpError(f"its rows come from another log than this one. {again}")
    if at.position and before is None:
        raise MixedUpError(
            f"it has applied {at.position} events of partition {at.partition}, and the log has fewer: "
            f"it is an older one. {again}"
        )
    if at.position and taken.event_id not in {None, before}:
        raise MixedUpError(
            f"the log has another event {at.position} in partition {at.partition} than the one applied. {again}"
        )


def positions(connection: Connection) -> dict[str, dict[int, int]]:
    """Return how far each projection has come, by partition."""
    found: dict[str, dict[int, int]] = {}
    for at in everything(connection):
        found.setdefault(at.projection, {})[at.partition] = at.position
    return found


def everything(connection: Connection) -> list[Checkpoint]:
    """Return all checkpoints, those of tables too that are not shown."""
    return [Checkpoint(**row) for row in connection.execute(_ALL).mappings()]
