"""Runs statements on the write store: SQLAlchemy writes the SQL once, from the tables, and asyncpg runs it.

SQLAlchemy's own way to asyncpg costs some three times as much as the statement itself. All that a command writes goes
in one round trip, since each costs more than most of what it asks for.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

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


ALL_IS_WELL = "all_is_well"
"""In a write's SQL: whether those before it, which are thereby run before it, changed all that they had to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A statement that changes rows and returns one for each, with its parameters, to be run together with others.

    `otherwise` tells why it changed none, to be raised then; None: that is all right. `name` is what those behind it
    refer to the returned rows by.
    """

    statement: ClauseElement
    parameters: Mapping[str, Any]
    otherwise: Callable[[], Awaitable[Exception]] | None = None
    name: str = ""


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

    async def write(self, *writes: Write, answer: str = "null") -> Any:
        """Run writes in one round trip; raise what the first of them tells that changed none of what it had to.

        Each sees the store as it was before all of them, and the rows that those before it returned. `answer` is an
        expression over these rows.
        """
        parts = tuple(
            _Part(each.statement, tuple(each.parameters), each.name, each.otherwise is not None) for each in writes
        )
        sql, places = _together(parts, answer)
        [row] = await self._raw.fetch(sql, *[writes[place].parameters[name] for place, name in places])
        failed, answered = row
        if failed is not None and (otherwise := writes[failed].otherwise):
            raise await otherwise()
        return answered


@lru_cache(512)
def _compiled(statement: ClauseElement, given: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return the SQL with $1, $2 … and the parameters in that order; an insert or update sets those that are given."""
    compiled: Any = statement.compile(dialect=_DIALECT, column_keys=list(given) or None)
    return str(compiled), tuple(compiled.positiontup)


class _Part(NamedTuple):
    statement: ClauseElement
    given: tuple[str, ...]
    name: str
    needed: bool


@lru_cache(512)
def _together(parts: tuple[_Part, ...], answer: str) -> tuple[str, list[tuple[int, str]]]:
    """Return one statement of many, and for each of its parameters which of them it belongs to, with its name."""
    named: list[str] = []
    places: list[tuple[int, str]] = []
    checks: list[str] = []
    before: list[str] = []  # those that have to be asked still: one that asks itself answers for those before it
    for index, part in enumerate(parts):
        sql, names = _compiled(part.statement, part.given)
        name = part.name or f"write_{index}"
        named.append(f"{name} as ({_shifted(sql, len(places)).replace(ALL_IS_WELL, f'{_first(before)} is null')})")
        places += [(index, each) for each in names]
        checks.append(f"when (select count(*) from {name}) < {int(part.needed)} then {index}")  # noqa: S608 - names of ours
        before = [checks[-1]] if part.needed and ALL_IS_WELL in sql else [*before, checks[-1]]
    return f"with {', '.join(named)} select {_first(checks)} as failed, {answer} as answer", places


def _first(checks: Sequence[str]) -> str:
    """Return an expression for the first that failed. A case looks at one after the other, and so they are run."""
    return f"case {' '.join(checks)} end" if checks else "null"


def _shifted(sql: str, by: int) -> str:
    return re.sub(r"\$(\d+)", lambda found: f"${int(found[1]) + by}", sql)
