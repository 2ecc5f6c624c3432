"""Rows of a read table, many at a time: one statement to load them, one to write those that changed."""

from collections.abc import Iterable, Mapping
from functools import cache
from operator import itemgetter
from typing import Any
from uuid import UUID

import orjson
import psycopg
from psycopg import sql
from psycopg.types.json import set_json_dumps
from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from domain.driver import Write, fetch
from projections.projection import Key, Projection, Row, Update

_BEYOND = {"smallint": 1 << 15, "integer": 1 << 31}  # the first number that is too large
_TOO_LARGE = "54"  # the class of SQLSTATE of what is too large for an index or a row


class UnstorableError(ValueError):
    """A value that no column could hold."""


def is_refusal(error: Exception) -> bool:
    """Return whether the store does not take a value; else it has other troubles, which pass."""
    if isinstance(error, OperationalError):
        return (getattr(error.orig, "sqlstate", None) or "").startswith(_TOO_LARGE)
    return isinstance(error, DataError | IntegrityError | UnstorableError | psycopg.DataError | psycopg.IntegrityError)


def load(connection: Connection, projection: Projection, keys: Iterable[UUID]) -> dict[UUID, Row]:
    """Return the rows of these keys that exist, without their counters."""
    columns = _folded(projection)
    place = columns.index(projection.key_column)
    found = fetch(connection, _select(projection), [list(keys)])
    return {values[place]: dict(zip(columns, values, strict=True)) for values in found}


def lock(connection: Connection, projection: Projection, keys: Iterable[UUID]) -> None:
    """Lock those of these rows that exist, in the order of the keys, as all statements here do."""
    fetch(connection, _lock(projection), [list(keys)])


def insert(connection: Connection, projection: Projection, rows: Iterable[Row]) -> None:
    """Write rows that are all new, as fast as it can be done."""
    columns, types = _folded(projection), _types(projection, connection.dialect)
    into = sql.SQL("copy {} ({}) from stdin (format binary)").format(
        sql.Identifier(projection.name), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    small = [(place, _BEYOND[type_]) for place, type_ in enumerate(types) if type_ in _BEYOND]
    values_of = itemgetter(*columns)
    cursor: Any = connection.connection.cursor()
    set_json_dumps(_json, cursor)
    with cursor.copy(into) as copy:
        copy.set_types(types)
        for row in rows:
            values = values_of(row)
            for place, beyond in small:  # psycopg would cut off what is too large, without a word
                if (value := values[place]) is not None and not -beyond <= value < beyond:
                    raise UnstorableError(f"{value} is out of range for {columns[place]}")
            copy.write_row(values)


def upsert(projection: Projection, rows: Iterable[Row]) -> Write:
    return _write(projection, _upsert(projection), rows)


def updates(projection: Projection, changes: Iterable[tuple[Update, int]]) -> list[Write]:
    """Return updates in their order, each with the log position that it is due to: one statement for all alike."""
    alike: dict[tuple[tuple[str, ...], tuple[str, ...]], dict[tuple[Any, ...], Row]] = {}
    for change, position in changes:
        shape = tuple(change.values), tuple(change.where)
        row = {**change.where, **change.values, "log_position": position}
        alike.setdefault(shape, {})[tuple(change.where.values())] = row  # the last one wins
    return [
        _write(projection, _update(projection, changed, where), rows.values())
        for (changed, where), rows in alike.items()
    ]


def increase(projection: Projection, sums: Mapping[Key, Mapping[str, Any]]) -> Write:
    """Add to counters, in the order of the keys, so that two transactions cannot deadlock over them."""
    names = projection.key_columns
    rows = [{**dict(zip(names, key, strict=True)), **added} for key, added in sums.items()]
    return _write(projection, _increase(projection), rows)


def _write(projection: Projection, sql: str, rows: Iterable[Row]) -> Write:
    return Write(projection.name, sql, [_json(list(rows)).decode()])


def _json(value: Any) -> bytes:
    try:
        return orjson.dumps(value, default=str)
    except orjson.JSONEncodeError as error:  # such as a number of more than 64 bits
        raise UnstorableError(str(error)) from error


def _folded(projection: Projection) -> list[str]:
    return [column for column in projection.columns if column not in projection.counters]


def _types(projection: Projection, dialect: Dialect) -> list[str]:
    """Return the types of the folded columns, by PostgreSQL's names."""
    columns = projection.table.__table__.columns  # type: ignore[attr-defined]
    return [columns[column].type.compile(dialect).lower() for column in _folded(projection)]


# The names in these statements are our own tables' and columns'; no input becomes SQL.


@cache
def _select(projection: Projection) -> str:
    columns = ", ".join(_folded(projection))
    return f"select {columns} from {projection.name} where {projection.key_column} = any(%s)"  # noqa: S608


@cache
def _lock(projection: Projection) -> str:
    name, key = projection.name, projection.key_column
    return f"select {key} from {name} where {key} = any(%s) order by {key} for no key update"  # noqa: S608


@cache
def _upsert(projection: Projection) -> str:
    columns, key = _folded(projection), projection.key_column
    listed = ", ".join(columns)
    changes = ", ".join(f"{column} = excluded.{column}" for column in columns if column != key)
    return f"""
        insert into {projection.name} ({listed})
        select {listed} from jsonb_populate_recordset(cast(null as {projection.name}), cast(%s as jsonb))
        order by {key}
        on conflict ({key}) do update set {changes}
    """  # noqa: S608


@cache
def _update(projection: Projection, changed: tuple[str, ...], where: tuple[str, ...]) -> str:
    name = projection.name
    changes = ", ".join(f"{column} = u.{column}" for column in changed)
    condition = " and ".join(f"t.{column} = u.{column}" for column in where)
    return f"""
        update {name} t set {changes}, log_position = greatest(t.log_position, u.log_position)
        from jsonb_populate_recordset(cast(null as {name}), cast(%s as jsonb)) u
        where {condition}
    """  # noqa: S608


@cache
def _increase(projection: Projection) -> str:
    name, counters = projection.name, sorted(projection.counters)
    key = ", ".join(projection.key_columns)
    listed = ", ".join([key, *counters])
    changes = ", ".join(f"{column} = {name}.{column} + excluded.{column}" for column in counters)
    return f"""
        insert into {name} ({listed})
        select {listed} from jsonb_populate_recordset(cast(null as {name}), cast(%s as jsonb))
        order by {key}
        on conflict ({key}) do update set {changes}
    """  # noqa: S608
