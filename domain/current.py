"""What the write store says of aggregates now, for whoever compares it with what the log tells of them."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Uuid, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from domain.tables import WriteTable, table


def rows(
    connection: Connection, model: type[WriteTable], columns: Iterable[str], ids: Iterable[UUID]
) -> dict[UUID, dict[str, Any]]:
    """Return these columns of the rows that exist, by their ids."""
    found = table(model)
    wanted = select(found.c.id, *(found.c[name] for name in columns)).where(
        found.c.id == any_(literal(list(ids), ARRAY(Uuid)))
    )
    return {row["id"]: dict(row) for row in connection.execute(wanted).mappings()}
