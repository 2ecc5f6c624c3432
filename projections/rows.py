"""Rows of a read table, many at a time: one statement to load them, one to write those that changed."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, TextClause, text

from projections.projection import Key, Projection, Row, Update


def load(connection: Connection, projection: Projection, keys: Iterable[UUID]) -> dict[UUID, Row]:
    """Return the rows of these keys that exist, without their counters."""
    found = connection.execute(_select(projection), {"keys": list(keys)})
    columns = tuple(found.keys())
    place = columns.index(_folded_by(projection))
    return {values[place]: dict(zip(columns, values, strict=True)) for values in found.all()}


def upsert(connection: Connection, projection: Projection, rows: Iterable[Row]) -> None:
    connection.execute(_upsert(projection), {"rows": _json(rows)})


def update(connection: Connection, projection: Projection, change: Update, *, log_position: int) -> None:
    values = {**change.values, "log_position": log_position}
    parameters = {f"set_{name}": value for name, value in values.items()}
    parameters |= {f"is_{name}": value for name, value in change.where.items()}
    connection.execute(_update(projection, tuple(values), tuple(change.where)), parameters)


def increase(connection: Connection, projection: Projection, sums: Mapping[Key, Mapping[str, Any]]) -> None:
    """Add to counters, in the order of the keys, so that two transactions cannot deadlock over them."""
    names = _keys(projection)
    rows = ({**dict(zip(names, key, strict=True)), **added} for key, added in sums.items())
    connection.execute(_increase(projection), {"rows": _json(rows)})


def _json(rows: Iterable[Row]) -> str:
    return orjson.dumps(list(rows), default=str).decode()


def _keys(projection: Projection) -> list[str]:
    return [str(column.name) for column in projection.table.__table__.primary_key.columns]  # type: ignore[attr-defined]


def _folded_by(projection: Projection) -> str:
    """Return the one column that names the rows of a fold."""
    [key] = _keys(projection)
    return key


def _folded(projection: Projection) -> list[str]:
    columns = projection.table.__table__.columns  # type: ignore[attr-defined]
    return [column.name for column in columns if column.name not in projection.counters]


# The names in these statements are our own tables' and columns'; no input becomes SQL.


@cache
def _select(projection: Projection) -> TextClause:
    columns = ", ".join(_folded(projection))
    return text(f"select {columns} from {projection.name} where {_folded_by(projection)} = any(:keys)")  # noqa: S608


@cache
def _upsert(projection: Projection) -> TextClause:
    columns, key = _folded(projection), _folded_by(projection)
    listed = ", ".join(columns)
    changes = ", ".join(f"{column} = excluded.{column}" for column in columns if column != key)
    return text(f"""
        insert into {projection.name} ({listed})
        select {listed} from jsonb_populate_recordset(cast(null as {projection.name}), cast(:rows as jsonb))
        order by {key}
        on conflict ({key}) do update set {changes}
    """)  # noqa: S608


@cache
def _update(projection: Projection, changed: tuple[str, ...], where: tuple[str, ...]) -> TextClause:
    changes = ", ".join(f"{column} = :set_{column}" for column in changed)
    condition = " and ".join(f"{column} = :is_{column}" for column in where)
    return text(f"update {projection.name} set {changes} where {condition}")  # noqa: S608


@cache
def _increase(projection: Projection) -> TextClause:
    name, counters = projection.name, sorted(projection.counters)
    key = ", ".join(_keys(projection))
    listed = ", ".join([key, *counters])
    changes = ", ".join(f"{column} = {name}.{column} + excluded.{column}" for column in counters)
    return text(f"""
        insert into {name} ({listed})
        select {listed} from jsonb_populate_recordset(cast(null as {name}), cast(:rows as jsonb))
        order by {key}
        on conflict ({key}) do update set {changes}
    """)  # noqa: S608
