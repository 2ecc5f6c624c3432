"""What a select sends to PostgreSQL, short enough to be compared whole."""

from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects import postgresql


def conditions(statement: Select[Any]) -> str:
    """Return a select of one table from that table on, its values in place and its columns without the table's name."""
    compiled = statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    [table] = statement.get_final_froms()
    _, found, after = f"{' '.join(str(compiled).split())} ".partition(f" FROM {table} ")
    assert found
    return after.strip().replace(f"{table}.", "")
