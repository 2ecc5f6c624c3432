"""The SQL that an engine sends, recorded in the order in which it is sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from domain.database import CommandPool
from projections.read_pool import ReadPool

COMMIT, ROLLBACK = "commit", "rollback"


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """Record the statements of an engine, with their commits and rollbacks."""
    sent: list[str] = []

    def executed(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
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
