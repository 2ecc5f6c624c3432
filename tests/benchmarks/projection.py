"""Projection: events a second by which one process fills empty read tables from the log.

The peer is one set-based SQL statement that builds the rows of user_orders_view out of a copy of the log in the same
database; that they are the same rows, column by column, is checked after each round.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import psycopg
from psycopg import sql

from domain.database import log_engine
from domain.event_log import PARTITIONS
from projections import progress
from projections.catalogue import projections as catalogue
from projections.database import projection_engine
from projections.projection import Projection
from projections.runner import Runner
from projections.views import user_orders_view
from tests.benchmarks import history
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Line, Result, compared
from tests.benchmarks.stage import Stage, StageError, stage

AIM = 20_000
_USERS = 1_000
_SECONDS_A_PARTITION = 60.0
_VIEW = user_orders_view.PROJECTION
_PEER_TABLE = sql.Identifier("user_orders_by_sql")
_SELECT = sql.SQL((Path(__file__).parent / "peers/user_orders.sql").read_text())


def measure(plan: Plan) -> Result:
    everything: list[float] = []
    view: list[float] = []
    peer: list[float] = []
    with stage() as at:
        plan.say(f"projection, writing a log of {plan.events:,} events")
        history.write(at.stores.write_url, plan.events, users=_USERS)
        _prepare_peer(at)
        for _ in plan.each_round("projection"):
            everything.append(plan.events / _drain(at, catalogue()))
            view.append(plan.events / _drain(at, [_VIEW]))
            peer.append(plan.events / _build_by_sql(at))
            _compare(at)
    return Result(
        title=f"projection: a log of {plan.events:,} events, one process, events/s",
        rounds=len(view),
        lines=[
            Line(what=f"all {len(catalogue())} read tables", ours=median(everything), aim=f"{AIM:,}"),
            compared(f"{_VIEW.name} alone", view, peer, "one SQL statement, the same rows"),
        ],
    )


def _drain(at: Stage, projections: Sequence[Projection]) -> float:
    """Empty the read tables, then fill those of these projections; return the seconds the latter took."""
    _empty(at)
    log, read = log_engine(at.stores.write_url), projection_engine(at.stores.read_url)
    with progress.connect(at.stores.redis_url) as client:
        runner = Runner(log=log, read=read, projections=projections, publish=partial(progress.publish, client))
        began = perf_counter()
        level = [runner.drain(partition, seconds=_SECONDS_A_PARTITION) for partition in range(PARTITIONS)]
        seconds = perf_counter() - began
    log.dispose()
    read.dispose()
    if not all(level):
        raise StageError("A partition could not be drained in time.")
    return seconds


def _empty(at: Stage) -> None:
    tables = sql.SQL(", ").join(sql.Identifier(projection.name) for projection in catalogue())
    with psycopg.connect(at.stores.read_url) as read:
        read.execute(sql.SQL("truncate {}").format(tables))
        read.execute("update checkpoints set position = 0")


def _prepare_peer(at: Stage) -> None:
    """Copy the log into the read database, and lay out the peer's table with the view's columns and indexes."""
    columns = sql.SQL("partition, position, stream_id, stream_type, version, type, data, occurred_at")
    with psycopg.connect(at.stores.write_url) as log, psycopg.connect(at.stores.read_url) as read:
        read.execute(
            "create table log_copy (partition smallint, position bigint, stream_id uuid, stream_type text, version int,"
            " type text, data jsonb, occurred_at timestamptz, primary key (partition, position))"
        )
        with (
            log.cursor().copy(sql.SQL("copy (select {} from events) to stdout").format(columns)) as taken,
            read.cursor().copy(sql.SQL("copy log_copy ({}) from stdin").format(columns)) as given,
        ):
            for block in taken:
                given.write(block)
        read.execute(
            sql.SQL("create table {} (like {} including indexes)").format(_PEER_TABLE, sql.Identifier(_VIEW.name))
        )
        _let_be_null(read, set(_columns(read, _PEER_TABLE)) - set(_columns(read, sql.SQL("({}) rows").format(_SELECT))))
    with psycopg.connect(at.stores.read_url, autocommit=True) as read:
        read.execute("vacuum analyze log_copy")


def _let_be_null(read: psycopg.Connection, columns: set[str]) -> None:
    for column in columns:
        read.execute(
            sql.SQL("alter table {} alter column {} drop not null").format(_PEER_TABLE, sql.Identifier(column))
        )


def _build_by_sql(at: Stage) -> float:
    with psycopg.connect(at.stores.read_url) as read:
        read.execute(sql.SQL("truncate {}").format(_PEER_TABLE))
        columns = _built_columns(read)
        read.commit()
        began = perf_counter()
        read.execute(sql.SQL("insert into {} ({}) {}").format(_PEER_TABLE, columns, _SELECT))
        read.commit()
        return perf_counter() - began


def _compare(at: Stage) -> None:
    """Raise StageError unless both tables hold the same rows, in all columns that the peer builds."""
    with psycopg.connect(at.stores.read_url) as read:
        columns = _built_columns(read)
        prints = [
            read.execute(
                sql.SQL(
                    "select count(*), sum(total), md5(string_agg(cast(rows as text), '|' order by order_id))"
                    " from (select {} from {}) rows"
                ).format(columns, table)
            ).fetchone()
            for table in (sql.Identifier(_VIEW.name), _PEER_TABLE)
        ]
    if prints[0] != prints[1]:
        raise StageError(f"The rows differ: {_VIEW.name} has {prints[0]}, SQL built {prints[1]}.")


def _built_columns(read: psycopg.Connection) -> sql.Composed:
    names = _columns(read, sql.SQL("({}) rows").format(_SELECT))
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


def _columns(read: psycopg.Connection, source: sql.Composable) -> list[str]:
    described = read.execute(sql.SQL("select * from {} limit 0").format(source)).description
    return [column.name for column in described or ()]
