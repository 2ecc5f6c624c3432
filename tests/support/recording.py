"""The SQL that an engine sends, recorded in the order in which it is sent."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, event

from domain.database import CommandPool
from projections.read_pool import ReadPool

COMMIT, ROLLBACK = "commit", "rollback"


@contextmanager
def statements(
    engine: Engine, *, before: Callable[[str], None] | None = None, after: Callable[[Any, str], None] | None = None
) -> Iterator[list[str]]:
    """Record the statements of an engine, with its commits and rollbacks.

    `before` and `after` are called with each statement; the latter is given the driver's connection, to say more on it.
    """
    sent: list[str] = []
    recorded = _recorded(sent, before or (lambda _: None), after or (lambda *_: None))

    def record(connection: Any, *_: Any) -> None:
        connection.cursor_factory = recorded

    def forget(connection: Any, *_: Any) -> None:
        if connection is not None:
            connection.cursor_factory = psycopg.Cursor

    def committed(_: Any) -> None:
        sent.append(COMMIT)

    def rolled_back(_: Any) -> None:
        sent.append(ROLLBACK)

    listening: list[tuple[str, Any]] = [
        ("checkout", record),
        ("checkin", forget),
        ("commit", committed),
        ("rollback", rolled_back),
    ]
    for name, listener in listening:
        event.listen(engine, name, listener)
    try:
        yield sent
    finally:
        for name, listener in listening:
            event.remove(engine, name, listener)


def _recorded(
    sent: list[str], before: Callable[[str], None], after: Callable[[Any, str], None]
) -> type[psycopg.Cursor[Any]]:
    class Recorded(psycopg.Cursor[Any]):
        def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
            statement = " ".join(str(query).split())
            sent.append(statement)
            before(statement)
            done = super().execute(query, *arguments, **options)
            after(self.connection, statement)
            return done

    return Recorded


@contextmanager
def queries() -> Iterator[list[str]]:
    """Record what all queries of this process send to the read store."""
    sent: list[str] = []
    fetch = ReadPool.fetch

    async def recorded(self: ReadPool, sql: str, arguments: list[Any]) -> list[Any]:
        sent.append(" ".join(sql.split()))
        return await fetch(self, sql, arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReadPool, "fetch", recorded)
        yield sent


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
