"""Says in what a table that was built again differs from the one that is shown, both being of the same events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, text

from projections.projection import NEXT, Projection
from projections.rebuild import level

# The names in these statements are our own tables' and columns'; no input becomes SQL.
# ruff: noqa: S608

_EXAMPLES = 3  # a column


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One row in which a column differs."""

    key: str
    column: str
    shown: Any
    new: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How many rows both tables have, and each alone; how many of those in both differ, column by column."""

    both: int
    only_shown: int
    only_new: int
    columns: dict[str, int]
    examples: tuple[Example, ...]

    @property
    def equal(self) -> bool:
        return not (self.only_shown or self.only_new or self.columns)


def compare(projection: Projection, *, log: Engine, read: Engine) -> Comparison:
    """Compare the new table with the shown one, at the same place of the log; projecting waits until that is found."""
    new = projection.beside(NEXT)
    snapshot = read.connect().execution_options(isolation_level="REPEATABLE READ")
    with snapshot:
        with level(projection, new, log=log, read=read, exactly=True):
            snapshot.execute(text("select pg_export_snapshot()"))
        snapshot.execute(text("set local statement_timeout = 0"))
        return _compare(snapshot, projection, new)


def _compare(connection: Connection, shown: Projection, new: Projection) -> Comparison:
    key, columns = shown.key_columns, _compared(shown)
    counts = connection.execute(text(_counts(shown, new, key, columns))).mappings().one()
    differing = {column: counts[f"differs_{place}"] for place, column in enumerate(columns)}
    differing = {column: count for column, count in differing.items() if count}
    examples = [
        Example(key=row.key, column=column, shown=row.shown, new=row.new)
        for column in differing
        for row in connection.execute(text(_examples(shown, new, key, column)))
    ]
    return Comparison(
        both=counts["both_have"],
        only_shown=counts["only_shown"],
        only_new=counts["only_new"],
        columns=differing,
        examples=tuple(examples),
    )


def _compared(projection: Projection) -> list[str]:
    """Return what a row says; where it was changed last is not part of that."""
    return [name for name in projection.columns if name not in {*projection.key_columns, "log_position"}]


def _counts(shown: Projection, new: Projection, key: Sequence[str], columns: Sequence[str]) -> str:
    both = f"s.{key[0]} is not null and n.{key[0]} is not null"
    differs = [
        f"count(*) filter (where {both} and s.{column} is distinct from n.{column}) as differs_{place}"
        for place, column in enumerate(columns)
    ]
    listed = ", ".join(
        [
            f"count(*) filter (where {both}) as both_have",
            f"count(*) filter (where n.{key[0]} is null) as only_shown",
            f"count(*) filter (where s.{key[0]} is null) as only_new",
            *differs,
        ]
    )
    return f"select {listed} from {shown.name} s full join {new.name} n using ({', '.join(key)})"


def _examples(shown: Projection, new: Projection, key: Sequence[str], column: str) -> str:
    named = " || ' ' || ".join(f"cast({name} as text)" for name in key)
    return f"""
        select {named} as key, s.{column} as shown, n.{column} as new
        from {shown.name} s join {new.name} n using ({", ".join(key)})
        where s.{column} is distinct from n.{column} limit {_EXAMPLES}
    """
