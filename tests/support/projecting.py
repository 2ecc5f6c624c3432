"""Runners over a test's own stores, and what they left aside."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import Engine

from projections.catalogue import projections as all_projections
from projections.projection import Projection
from projections.runner import Runner
from tests.support import tables


def drained(log: Engine, read: Engine, *projections: Projection, batch: int = 1000) -> bool:
    """Let a runner drain all partitions that have events; return whether it was level in all of them at the end."""
    runner = Runner(
        log=log, read=read, projections=projections or all_projections(), publish=lambda _: None, batch=batch
    )
    level = [runner.drain(partition, seconds=60) for partition in sorted(tables.heads(log))]
    return all(level)


def quarantined(read_url: str) -> dict[tuple[str, UUID], int]:
    """Return which streams are set aside of which projection, and from which position on."""
    with psycopg.connect(read_url) as connection:
        rows = connection.execute("select projection, stream_id, position from quarantine")
        return {(projection, stream): position for projection, stream, position in rows}


def rewrite(write_url: str, stream_id: UUID, version: int, data: Mapping[str, Any]) -> dict[str, Any]:
    """Put something else in the place of what an event says; return what it said."""
    with psycopg.connect(write_url) as connection:
        where = (stream_id, version)
        found = connection.execute("select data from events where stream_id = %s and version = %s", where).fetchone()
        assert found is not None
        connection.execute("update events set data = %s where stream_id = %s and version = %s", (Jsonb(data), *where))
        before: dict[str, Any] = found[0]
        return before


def rename_type(write_url: str, stream_id: UUID, version: int, type_: str) -> None:
    """Let an event be one of another type."""
    with psycopg.connect(write_url) as connection:
        connection.execute(
            "update events set type = %s where stream_id = %s and version = %s", (type_, stream_id, version)
        )


def position_of(write_url: str, stream_id: UUID, version: int) -> int:
    with psycopg.connect(write_url) as connection:
        found = connection.execute(
            "select position from events where stream_id = %s and version = %s", (stream_id, version)
        ).fetchone()
    assert found is not None
    return int(found[0])
