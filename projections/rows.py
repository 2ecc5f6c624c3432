"""Rows of a read table, many at a time: one statement to load them, one to write those that changed."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, TextClause, text

from projections.projection import Projection, Row, Update


def load(connection: Connection, projection: Projection, keys: Iterable[UUID]) -> dict[UUID, Row]:
    """Return the rows of these keys that exist, without their counters."""
    found = connection.execute(_select(projection), {"keys": list(keys)})
    columns = tuple(found.keys())
    place = columns.index(projection.key_column)
    return {values[place]: dict(zip(columns, values, strict=True)) for values in found.all()}


def lock(connection: Connection, projection: Projection, keys: Iterable[UUID]) -> None:
    """Lock those of these rows that exist, in the order of the keys, as all statements here do."""
    connection.execute(_lock(projection), {"keys": list(keys)})


def upsert(connection: Connection, projection: Projection, rows: Iterable[Row]) -> None:
    connection.execute(_upsert(projection), {"rows": _json(rows)})


def update(connection: Connection, projection: Projection, changes: Iterable[tuple[Update, int]]) -> None:
    """Carry out updates in their order, each with the log position that it is due to: one statement for all alike."""
    alike: dict[tuple[tuple[str, ...], tuple[str, ...]], dict[tuple[Any, ...], Row]] = {}
    for change, position in changes:
        shape = tuple(change.values), tuple(change.where)
        row = {**change.where, **change.values, "log_position": position}
        alike.setdefault(shape, {})[tuple(change.where.values())] = row  # the last one wins
    for (changed, where), rows in alike.items():
        connection.execute(_update(projection, changed, where), {"rows": _json(rows.values())})


def increase(connection: Connection, projection: Projection, sums: Mapping[UUID, Mapping[str, Any]]) -> None:
    """Add to counters, in the order of the keys, so that two transactions cannot deadlock over them."""
    key = projection.key_column
    connection.execute(_increase(projection), {"rows": _json({key: row, **added} for row, added in sums.items())})


def _json(rows: Iterable[Row]) -> str:
    return orjson.dumps(list(rows), default=str).decode()


def _folded(projection: Projection) -> list[str]:
    return [column for column in projection.columns if column not in projection.counters]


# The names in these statements are our own tables' and columns'; no input becomes SQL.


@cache
def _select(projection: Projection) -> TextClause:
    columns = ", ".join(_folded(projection))
    return text(f"select {columns} from {projection.name} where {projection.key_column} = any(:keys)")  # noqa: S608


@cache
def _lock(projection: Projection) -> TextClause:
    name, key = projection.name, projection.key_column
    return text(f"select from {name} where {key} = any(:keys) order by {key} for no key update")


@cache
def _upsert(projection: Projection) -> TextClause:
    columns, key = _folded(projection), projection.key_column
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
    name = projection.name
    changes = ", ".join(f"{column} = u.{column}" for column in changed)
    condition = " and ".join(f"t.{column} = u.{column}" for column in where)
    return text(f"""
        update {name} t set {changes}, log_position = greatest(t.log_position, u.log_position)
        from jsonb_populate_recordset(cast(null as {name}), cast(:rows as jsonb)) u
        where {condition}
    """)  # noqa: S608


@cache
def _increase(projection: Projection) -> TextClause:
    name, key, counters = projection.name, projection.key_column, sorted(projection.counters)
    listed = ", ".join([key, *counters])
    changes = ", ".join(f"{column} = {name}.{column} + excluded.{column}" for column in counters)
    return text(f"""
        insert into {name} ({listed})
        select {listed} from jsonb_populate_recordset(cast(null as {name}), cast(:rows as jsonb))
        order by {key}
        on conflict ({key}) do update set {changes}
    """)  # noqa: S608
