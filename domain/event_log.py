"""The event log: 64 partitions, each gapless, in the order in which its transactions committed.

Appending comes last before the commit. It raises the partition's head and so holds that row's lock until
then: the next writer waits, a rolled-back writer leaves no gap, and a reader that saw position 11 has seen 10.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zlib import crc32

import orjson
from msgspec.structs import replace
from sqlalchemy import Connection, text

from domain import statements
from domain.decoding import fact
from domain.driver import fetch
from domain.events import Event
from domain.statements import ALL_IS_WELL, Write
from domain.upcasters import current_version

PARTITIONS = 64
_USER_PARTITIONS = 48  # the others are for products, so that a restock never waits behind an order


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who asked for a fact, and in which request."""

    actor: str
    idempotency_key: str | None = None
    correlation_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event on its way into the log."""

    event_id: UUID
    event: Event
    origin: Origin


def partition_of_user(user_id: UUID) -> int:
    """Return where a user's events and those of all of that user's orders are; the same on every machine, for ever."""
    return crc32(user_id.bytes) % _USER_PARTITIONS


def partition_of_product(product_id: UUID) -> int:
    return _USER_PARTITIONS + crc32(product_id.bytes) % (PARTITIONS - _USER_PARTITIONS)


_RAISE_HEAD = text(f"""
    update log_heads set position = position + :n
    where partition = :partition and {ALL_IS_WELL}
    returning position
""")  # noqa: S608 - built of constants
_INSERT = """
    insert into events (partition, position, event_id, stream_id, stream_type, version, type, schema_version, data,
                        metadata, occurred_at)
"""
_APPEND_ONE = text(f"""
    {_INSERT}
    select :partition, head.position, cast(:event_id as uuid), cast(:stream_id as uuid), :stream_type,
           cast(:version as int), :type, cast(:schema_version as smallint), cast(:data as jsonb),
           cast(:metadata as jsonb), cast(:occurred_at as timestamptz)
    from head
    returning position
""")  # noqa: S608 - as above
_APPEND = text(f"""
    {_INSERT}
    select :partition, head.position - :n + e.place, e.event_id, e.stream_id, e.stream_type, e.version, e.type,
           e.schema_version, e.data, e.metadata, e.occurred_at
    from head, rows from (jsonb_to_recordset(cast(:entries as jsonb)) as (
        event_id uuid, stream_id uuid, stream_type text, version int, type text, schema_version smallint, data jsonb,
        metadata jsonb, occurred_at timestamptz
    )) with ordinality as e (event_id, stream_id, stream_type, version, type, schema_version, data, metadata,
                             occurred_at, place)
    returning position
""")  # noqa: S608 - as above
_LAST = "(select max(position) from appended)"


async def append(
    connection: statements.Connection, entries: Sequence[Entry], *, after: Sequence[Write] = ()
) -> list[Event]:
    """Append entries of any partitions, in their order, after some writes; return the events at their positions.

    The caller commits next. Heads are taken in the order of their partitions, so that two appends cannot deadlock.
    """
    appended: dict[UUID, Event] = {}
    for partition in sorted({entry.event.partition for entry in entries}):
        group = [entry for entry in entries if entry.event.partition == partition]
        last = await connection.write(*after, *_appending(group, partition), answer=_LAST)
        if last is None:
            raise LookupError(f"The log has no head for partition {partition}: run the migrations of the write store.")
        for position, entry in enumerate(group, start=last - len(group) + 1):
            appended[entry.event_id] = replace(entry.event, position=position)
        after = ()
    return [appended[entry.event_id] for entry in entries]


def _appending(group: Sequence[Entry], partition: int) -> tuple[Write, Write]:
    head = {"n": len(group), "partition": partition}
    stored = [_stored(entry) for entry in group]
    if len(stored) == 1:  # as nearly always; PostgreSQL need not take JSON apart for it
        [one] = stored
        row = {**one, "data": _json(one["data"]), "metadata": _json(one["metadata"])}
        statement, parameters = _APPEND_ONE, {"partition": partition, **row}
    else:
        statement, parameters = _APPEND, {**head, "entries": _json(stored)}
    return (
        Write(name="head", statement=_RAISE_HEAD, parameters=head),
        Write(name="appended", statement=statement, parameters=parameters),
    )


def _json(value: object) -> str:
    return orjson.dumps(value, default=str).decode()


def _stored(entry: Entry) -> dict[str, object]:
    event, origin = entry.event, entry.origin
    metadata = {
        "actor": origin.actor,
        "idempotencyKey": origin.idempotency_key,
        "correlationId": origin.correlation_id,
        "traceparent": origin.traceparent,
    }
    return {
        "event_id": entry.event_id,
        "stream_id": event.stream_id,
        "stream_type": event.stream_type,
        "version": event.version,
        "type": type(event.fact).__name__,
        "schema_version": current_version(type(event.fact).__name__),
        "data": event.fact,
        "metadata": {name: value for name, value in metadata.items() if value is not None},
        "occurred_at": event.at,
    }


COLUMNS = """
    partition, position, stream_id, stream_type, version, type, schema_version, cast(data as text) as data,
    metadata ->> 'actor' as actor, occurred_at
"""
_READ = text(f"""
    select {COLUMNS} from events
    where partition = :partition and position > :after
    order by position limit :limit
""")  # noqa: S608 - built of constants
_READ_STREAM = text(f"select {COLUMNS} from events where stream_id = :stream_id order by version")  # noqa: S608 - as above
_LATEST = text("select position from events where stream_id = :stream_id order by version desc limit 1")
_AGES = text("""
    select place.partition, place.after, extract(epoch from clock_timestamp() - events.recorded_at)
    from unnest(cast(:partitions as smallint[]), cast(:afters as bigint[])) place (partition, after)
    join events on events.partition = place.partition and events.position = place.after + 1
""")
_NOTED = text("""
    select place.partition, place.position, events.metadata ->> :name
    from unnest(cast(:partitions as smallint[]), cast(:positions as bigint[])) place (partition, position)
    join events on events.partition = place.partition and events.position = place.position
    where events.metadata ? :name
""")
_IDENTITY = text("select id from log_identity")
_HEADS = "select partition, position from log_heads where partition = any(cast(%s as smallint[]))"
_HEAD = text("select position from log_heads where partition = :partition")


def read(connection: Connection, partition: int, *, after: int, limit: int) -> list[Event]:
    """Return the next events of a partition behind position `after`, at most `limit`, without a gap."""
    found = connection.execute(_READ, {"partition": partition, "after": after, "limit": limit})
    return list(events_of(found.all()))


async def read_stream(connection: statements.Connection, stream_id: UUID) -> list[Event]:
    """Return all that happened to one aggregate, oldest first."""
    return list(events_of(await connection.all(_READ_STREAM, {"stream_id": stream_id})))


async def latest_position(connection: statements.Connection, stream_id: UUID) -> int:
    """Return where the latest event of a stream is in its partition; 0 where it has none."""
    latest = await connection.one(_LATEST, {"stream_id": stream_id})
    return latest.position if latest else 0


def head(connection: Connection, partition: int) -> int:
    return int(connection.execute(_HEAD, {"partition": partition}).scalar_one())


def heads(connection: Connection, partitions: Iterable[int] = range(PARTITIONS)) -> dict[int, int]:
    """Return the number of events in each of these partitions."""
    return dict(fetch(connection, _HEADS, [list(partitions)]))


def ages(connection: Connection, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], float]:
    """Return how many seconds ago the event behind each place was written, where there is one."""
    if not places:
        return {}
    partitions, afters = zip(*places, strict=True)
    found = connection.execute(_AGES, {"partitions": list(partitions), "afters": list(afters)})
    return {(partition, after): float(age) for partition, after, age in found.all()}


def noted(connection: Connection, name: str, places: Iterable[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Return what the metadata of the events at these places has under a name, where it has it."""
    partitions, positions = zip(*places, strict=True)
    found = connection.execute(_NOTED, {"name": name, "partitions": list(partitions), "positions": list(positions)})
    return {(partition, position): value for partition, position, value in found.all()}


def identity(connection: Connection) -> UUID:
    """Return which log this is; asked once a connection, since no log changes under one."""
    known: UUID | None = connection.info.get("log")
    if known is None:
        known = connection.info["log"] = connection.execute(_IDENTITY).scalar_one()
    return known


def events_of(rows: Iterable[Any]) -> Iterator[Event]:
    """Yield events of rows that have COLUMNS; raise UnknownShapeError at one that is of a newer code than this."""
    for partition, position, stream_id, stream_type, version, type_, shape, data, actor, occurred_at in rows:
        yield Event(
            partition=partition,
            position=position,
            stream_id=stream_id,
            stream_type=stream_type,
            version=version,
            fact=fact(type_, shape, data),
            actor=actor,
            at=occurred_at,
        )
