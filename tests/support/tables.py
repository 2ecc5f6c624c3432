"""What the stores hold, whole, and what the read tables ought to hold by a fold that is not the runner's."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import Engine

from domain import event_log
from domain.event_log import PARTITIONS
from domain.events import Event
from domain.tables import WriteTable
from projections.catalogue import projections
from projections.projection import Projection

Table = list[dict[str, Any]]


def everything(write_url: str) -> dict[str, Table]:
    """Return every table of a write store, row by row, and its sequence."""
    names = [table.name for table in WriteTable.metadata.sorted_tables]
    with psycopg.connect(write_url, row_factory=dict_row) as connection:
        found = {
            name: connection.execute(f"select * from {name} t order by t::text".encode()).fetchall() for name in names
        }
        found["order_numbers"] = connection.execute("select last_value, is_called from order_numbers").fetchall()
    return found


def read_tables(read_url: str) -> dict[str, dict[str, Any]]:
    """Return every read table, row by row, under the names and keys that `folded` uses."""
    with psycopg.connect(read_url, row_factory=dict_row) as connection:
        return {
            projection.name: _keyed(projection, connection.execute(f"select * from {projection.name}".encode()))
            for projection in projections()
        }


def folded(log: Engine) -> dict[str, dict[str, Any]]:
    """Return what the read tables ought to hold, event by event out of the whole log."""
    return {projection.name: _keyed(projection, _rows(projection, events(log))) for projection in projections()}


def checkpoints(read_url: str) -> dict[str, dict[int, int]]:
    """Return how far each projection has come, in the partitions that it has begun."""
    with psycopg.connect(read_url) as connection:
        rows = connection.execute("select projection, partition, position from checkpoints where position > 0")
        found: dict[str, dict[int, int]] = {projection.name: {} for projection in projections()}
        for projection, partition, position in rows:
            found.setdefault(projection, {})[partition] = position
    return found


def halted(read_url: str) -> dict[tuple[str, int], str]:
    """Return where projections cannot go on, and why."""
    with psycopg.connect(read_url) as connection:
        rows = connection.execute("select projection, partition, halted from checkpoints where halted is not null")
        return {(projection, partition): reason for projection, partition, reason in rows}


def heads(log: Engine) -> dict[int, int]:
    """Return how many events there are, in the partitions that have any."""
    with log.connect() as connection:
        return {partition: head for partition, head in event_log.heads(connection).items() if head}


def events(log: Engine) -> Iterator[Event]:
    """Yield all that is in the log, partition by partition."""
    with log.connect() as connection:
        for partition in range(PARTITIONS):
            yield from event_log.read(connection, partition, after=0, limit=1_000_000)


def _rows(projection: Projection, events: Iterable[Event]) -> Iterable[dict[str, Any]]:
    columns = projection.table.__table__.columns
    zeros = {name: columns[name].type.python_type() for name in projection.counters}
    found: dict[Any, dict[str, Any]] = {}
    for event in events:
        key = projection.key(event)
        if key is not None:
            before = found.get((key,))
            after = projection.fold(before, event)
            if after is not None and after is not before:
                counted = {name: (before or zeros)[name] for name in projection.counters}
                found[key,] = after | counted | {"log_position": event.position}
        for added_to, amounts in projection.add(event):
            named = dict(zip(_keys(projection), added_to, strict=True))
            row = found.setdefault(added_to, dict.fromkeys(columns.keys()) | named | zeros)
            row |= {name: row[name] + amount for name, amount in amounts.items()}
        if (change := projection.update(event)) is not None:
            for row in found.values():
                if change.where.items() <= row.items():
                    row |= {**change.values, "log_position": event.position}
    return found.values()


def _keyed(projection: Projection, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    names = _keys(projection)
    return {" ".join(str(row[name]) for name in names): json.loads(json.dumps(row, default=str)) for row in rows}


def _keys(projection: Projection) -> list[str]:
    return projection.table.__table__.primary_key.columns.keys()
