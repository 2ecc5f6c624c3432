"""Statements that projections make all the time, on the driver's own connection; writes to several tables go as one.

A trip to the store costs more than most of these statements do, and SQLAlchemy's way through one as much again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


@dataclass(frozen=True, slots=True)
class Write:
    """A statement that changes rows of one table, with a %s for each of its parameters."""

    table: str
    sql: str
    parameters: Sequence[Any]


def fetch(connection: Connection, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Return the rows of a statement."""
    with _errors(connection):
        rows: list[tuple[Any, ...]] = _driver(connection).execute(sql, parameters).fetchall()
    return rows


class Writes:
    """Writes on their way to the store. Those in a row that are of different tables go together.

    None of them sees what another one does, so each row is changed by one of them.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: list[Write] = []

    def add(self, *writes: Write) -> None:
        for write in writes:
            if any(write.table == other.table for other in self._waiting):
                self.flush()
            self._waiting.append(write)

    def flush(self) -> int:
        """Carry out what waits, in its order; return how many rows the last write has changed."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return 0
        # PostgreSQL carries the last one out first, and the others from the end.
        *before, last = waiting
        ordered = [*reversed(before), last]
        sql = _together(tuple(write.sql for write in ordered))
        parameters = [parameter for write in ordered for parameter in write.parameters]
        with _errors(self._connection):
            changed: int = _driver(self._connection).execute(sql, parameters).rowcount
        return changed


@lru_cache
def _together(statements: tuple[str, ...]) -> str:
    """Return statements as one, which counts the rows of the last."""
    *before, last = statements
    others = ", ".join(f"w{place} as ({sql})" for place, sql in enumerate(before))
    return f"with {others} {last}" if others else last


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


@contextmanager
def _errors(connection: Connection) -> Iterator[None]:
    """Raise the driver's errors as SQLAlchemy does, and let go of a connection that is lost."""
    driver = _driver(connection)
    try:
        yield
    except psycopg.Error as error:
        if lost := driver.closed:
            connection.invalidate(error)
        raise DBAPIError.instance(
            None, None, error, psycopg.Error, connection_invalidated=lost, dialect=connection.dialect
        ) from error
