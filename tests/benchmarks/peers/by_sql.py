"""The set-based way: one SQL statement builds the rows of user_orders_view out of a copy of the log beside them.

It knows the facts that a log of `history` has, no more.
"""

from pathlib import Path
from time import perf_counter

import psycopg
from psycopg import sql

from tests.benchmarks.stage import Stage, StageError

_TABLE = sql.Identifier("user_orders_by_sql")
_SELECT = sql.SQL((Path(__file__).parent / "user_orders.sql").read_text())
_COPIED = sql.SQL("partition, position, stream_id, stream_type, version, type, data, metadata ->> 'actor', occurred_at")
_PRINT = sql.SQL("""
    select count(*), sum(total), md5(string_agg(cast(rows as text), '|' order by order_id))
    from (select {} from {}) rows
""")


def copy_log(at: Stage) -> None:
    """Copy the log into the read database, for all statements there."""
    with psycopg.connect(at.stores.write_url) as log, psycopg.connect(at.stores.read_url, autocommit=True) as read:
        read.execute(
            "create table log_copy (partition smallint, position bigint, stream_id uuid, stream_type text, version int,"
            " type text, data jsonb, actor text, occurred_at timestamptz, primary key (partition, position))"
        )
        with (
            log.cursor().copy(sql.SQL("copy (select {} from events) to stdout").format(_COPIED)) as taken,
            read.cursor().copy("copy log_copy from stdin") as given,
        ):
            for block in taken:
                given.write(block)
        read.execute("vacuum analyze log_copy")


def build(at: Stage, like: str) -> float:
    """Build the rows in a table with the columns and indexes of another one; return the seconds that it took."""
    with psycopg.connect(at.stores.read_url) as read:
        read.execute(sql.SQL("drop table if exists {}").format(_TABLE))
        read.execute(sql.SQL("create table {} (like {} including indexes)").format(_TABLE, sql.Identifier(like)))
        into = sql.SQL("insert into {} ({}) {}").format(_TABLE, _columns(read), _SELECT)
        read.commit()
        began = perf_counter()
        read.execute(into)
        read.commit()
        return perf_counter() - began


def compare(at: Stage, table: str) -> None:
    """Raise StageError unless a table holds the same rows, column by column, as the statement built last."""
    with psycopg.connect(at.stores.read_url) as read:
        columns = _columns(read)
        ours, built = [
            read.execute(_PRINT.format(columns, each)).fetchone() for each in (sql.Identifier(table), _TABLE)
        ]
    if ours != built:
        raise StageError(f"The rows differ: {table} has {ours}, SQL built {built}.")


def _columns(read: psycopg.Connection) -> sql.Composed:
    described = read.execute(sql.SQL("select * from ({}) rows limit 0").format(_SELECT)).description
    return sql.SQL(", ").join(sql.Identifier(column.name) for column in described or ())
