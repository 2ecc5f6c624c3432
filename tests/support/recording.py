"""The SQL that an engine sends, recorded in the order in which it is sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

from domain.database import CommandPool

COMMIT, ROLLBACK = "commit", "rollback"


@contextmanager
def statements(engine: Engine | type[Engine], *, driver: str | None = None) -> Iterator[list[str]]:
    """Record the statements of an engine, or of all engines of this process, with their commits and rollbacks.

    With a `driver`, the statements of others are left out.
    """
    sent: list[str] = []

    def executed(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if driver in {None, connection.dialect.driver}:
            sent.append(" ".join(statement.split()))

    def committed(_: Any) -> None:
        sent.append(COMMIT)

    def rolled_back(_: Any) -> None:
        sent.append(ROLLBACK)

    listening = [("before_cursor_execute", executed), ("commit", committed), ("rollback", rolled_back)]
    for name, listener in listening:
        event.listen(engine, name, listener)
    try:
        yield sent
    finally:
        for name, listener in listening:
            event.remove(engine, name, listener)


@contextmanager
def commands(pool: CommandPool) -> Iterator[list[str]]:
    """Record the statements of a pool of one connection, with the beginnings and ends of its transactions."""
    [holder] = pool._pool._holders
    sent: list[str] = []

    def executed(query: Any) -> None:
        sent.append(" ".join(query.query.rstrip(";").split()).lower())

    holder._con.add_query_logger(executed)
    try:
        yield sent
    finally:
        holder._con.remove_query_logger(executed)
