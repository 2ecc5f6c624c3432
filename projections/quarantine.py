"""Quarantine: streams that a projection has set aside, because it could not apply one of their events.

Nothing of them is copied: the events are in the log. A stream that is here is passed over from the position noted, and
`retry` plays all that was passed over again, in its order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Connection, DateTime, Index, SmallInteger, Text, text
from sqlmodel import Field

from projections.projection import ReadTable

_LONGEST_ERROR = 2000  # characters


class Quarantined(ReadTable, table=True):
    __tablename__ = "quarantine"
    __table_args__ = (Index("ix_quarantine_partition", "projection", "partition"),)

    projection: str = Field(primary_key=True, sa_type=Text)
    stream_id: UUID = Field(primary_key=True)
    partition: int = Field(sa_type=SmallInteger)
    position: int = Field(sa_type=BigInteger)
    """Of the first event that was not applied."""
    event: str = Field(sa_type=Text)
    """Which could not be."""
    error: str = Field(sa_type=Text)
    since: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("clock_timestamp()")}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A stream, from the event on that could not be applied, and why."""

    stream_id: UUID
    partition: int
    position: int
    event: str
    error: str


_ADD = text("""
    insert into quarantine (projection, stream_id, partition, position, event, error)
    select :name, * from unnest(cast(:streams as uuid[]), cast(:partitions as smallint[]),
                                cast(:positions as bigint[]), cast(:events as text[]), cast(:errors as text[]))
    on conflict (projection, stream_id) do update
        set position = excluded.position, event = excluded.event, error = excluded.error
""")
_COUNT = text("""
    update checkpoints c set held = (
        select count(*) from quarantine q where q.projection = c.projection and q.partition = c.partition
    )
    where c.projection = :name and c.partition = any(cast(:partitions as smallint[]))
""")
_HELD = text("""
    select stream_id from quarantine
    where projection = :name and partition = any(cast(:partitions as smallint[]))
""")
_IN_A_ROW = text("""
    select count(*) from quarantine
    where projection = :name and since > (select max(moved_at) from checkpoints where projection = :name)
""")
_PLACES = text("select partition, stream_id, position from quarantine where projection = :name")
_ALL = text(
    "select projection, stream_id, partition, position, event, error, since from quarantine order by since limit :most"
)
_RELEASE = text("delete from quarantine where projection = :name and stream_id = any(cast(:streams as uuid[]))")


def add(connection: Connection, name: str, streams: Sequence[SetAside]) -> None:
    """Set streams aside, in the transaction that holds the checkpoints of their partitions."""
    if not streams:
        return
    connection.execute(
        _ADD,
        {
            "name": name,
            "streams": [each.stream_id for each in streams],
            "partitions": [each.partition for each in streams],
            "positions": [each.position for each in streams],
            "events": [each.event for each in streams],
            "errors": [_storable(each.error) for each in streams],
        },
    )
    connection.execute(_COUNT, {"name": name, "partitions": sorted({each.partition for each in streams})})


def _storable(error: str) -> str:
    """Return an error as PostgreSQL takes it: what cannot be stored may have made it."""
    return error.replace("\0", "\\0").encode(errors="backslashreplace").decode()[:_LONGEST_ERROR]


def in_a_row(connection: Connection, name: str) -> int:
    """Return how many streams were set aside since an event was applied last."""
    return int(connection.execute(_IN_A_ROW, {"name": name}).scalar_one())


def held(connection: Connection, name: str, partitions: Iterable[int]) -> frozenset[UUID]:
    """Return the streams of these partitions that are set aside."""
    return frozenset(connection.execute(_HELD, {"name": name, "partitions": list(partitions)}).scalars())


def places(connection: Connection, name: str) -> dict[int, dict[UUID, int]]:
    """Return, a partition, the streams that are set aside and the position from which they were passed over."""
    found: dict[int, dict[UUID, int]] = {}
    for partition, stream_id, position in connection.execute(_PLACES, {"name": name}).all():
        found.setdefault(partition, {})[stream_id] = position
    return found


def everything(connection: Connection, *, most: int | None = None) -> list[Quarantined]:
    """Return all that is set aside, of all projections, the longest first."""
    return [Quarantined(**row) for row in connection.execute(_ALL, {"most": most}).mappings()]


def release(connection: Connection, name: str, streams: Iterable[UUID], partition: int) -> None:
    """Take streams back, in the transaction that has applied what was passed over."""
    connection.execute(_RELEASE, {"name": name, "streams": list(streams)})
    connection.execute(_COUNT, {"name": name, "partitions": [partition]})
