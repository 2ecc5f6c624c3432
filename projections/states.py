"""What is kept of each projection as a whole: which version of it made its rows, and which log they came from."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import Connection, Text, text
from sqlmodel import Field

from projections.projection import Projection, ReadTable


class State(ReadTable, table=True):
    __tablename__ = "projection_states"

    projection: str = Field(primary_key=True, sa_type=Text)
    version: int
    log_id: UUID | None
    """None until its first event."""


_ENSURE = text("""
    insert into projection_states (projection, version)
    select * from unnest(cast(:names as text[]), cast(:versions as int[]))
    on conflict do nothing
""")
_FOLLOW = text("""
    update projection_states set log_id = :log_id
    where projection = any(cast(:names as text[])) and log_id is null
""")
_ALL = text("select projection, version, log_id from projection_states")


def ensure(connection: Connection, projections: Iterable[Projection]) -> None:
    """Note the version of each projection that is new."""
    new = {projection.name: projection.version for projection in projections}
    connection.execute(_ENSURE, {"names": list(new), "versions": list(new.values())})


def everything(connection: Connection) -> dict[str, State]:
    return {row["projection"]: State(**row) for row in connection.execute(_ALL).mappings()}


def follow(connection: Connection, names: Iterable[str], log_id: UUID) -> None:
    """Note which log these projections follow, where that was not decided yet."""
    connection.execute(_FOLLOW, {"names": list(names), "log_id": log_id})
