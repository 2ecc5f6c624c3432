"""Runs statements on the write store: SQLAlchemy writes the SQL once, from the tables, and asyncpg runs it.

SQLAlchemy's own way to asyncpg costs some three times as much as the statement itself; a command has nine of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import asyncpg
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.sql.elements import ClauseElement

_DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]


class Row(asyncpg.Record):  # type: ignore[misc]  # asyncpg has no type hints
    """One row; its columns are attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Connection:
    """A connection to the write store, inside a transaction that others begin and end.

    Statements are constants: each is compiled once, for each set of parameters that it is given.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    async def all(self, statement: ClauseElement, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        given = parameters or {}
        sql, names = _compiled(statement, tuple(given))
        rows: list[Row] = await self._raw.fetch(sql, *[given[name] for name in names], record_class=Row)
        return rows

    async def one(self, statement: ClauseElement, parameters: Mapping[str, Any] | None = None) -> Row | None:
        return next(iter(await self.all(statement, parameters)), None)

    async def each(self, statement: ClauseElement, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement once for each set of parameters, in one round trip."""
        sql, names = _compiled(statement, tuple(parameters[0]))
        await self._raw.executemany(sql, [_in_order(given, names) for given in parameters])


def _in_order(given: Mapping[str, Any], names: Iterable[str]) -> tuple[Any, ...]:
    return tuple(given[name] for name in names)


@lru_cache(512)
def _compiled(statement: ClauseElement, given: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return the SQL with $1, $2 … and the parameters in that order; an insert or update sets those that are given."""
    compiled: Any = statement.compile(dialect=_DIALECT, column_keys=list(given) or None)
    return str(compiled), tuple(compiled.positiontup)
