"""Projection: events a second by which one process fills empty read tables from the log.

The peer is one set-based SQL statement that builds the rows of user_orders_view out of a copy of the log in the same
database; that they are the same rows, column by column, is checked after each round.
"""

from collections.abc import Sequence
from functools import partial
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
from tests.benchmarks.peers import by_sql
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Line, Result, compared
from tests.benchmarks.stage import Stage, StageError, stage

AIM = 20_000
_USERS = 1_000
_SECONDS_A_PARTITION = 60.0
_VIEW = user_orders_view.PROJECTION


def measure(plan: Plan) -> Result:
    everything: list[float] = []
    view: list[float] = []
    peer: list[float] = []
    with stage() as at:
        plan.say(f"projection, writing a log of {plan.events:,} events")
        history.write(at.stores.write_url, plan.events, users=_USERS)
        by_sql.copy_log(at)
        for _ in plan.each_round("projection"):
            everything.append(plan.events / _drain(at, catalogue()))
            view.append(plan.events / _drain(at, [_VIEW]))
            peer.append(plan.events / by_sql.build(at, _VIEW.name))
            by_sql.compare(at, _VIEW.name)
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
