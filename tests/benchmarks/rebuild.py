"""Rebuild: events a second by which workers fill a new user_orders_view beside the shown one.

They do so as `tandem projections rebuild` has them do it: one worker, which fills it in one process, then two. The
clock starts when the first events are in the table, and stops when the last are. The peer is one set-based SQL
statement that builds the same rows into a table with the same indexes; that they are the same is checked each time.
"""

from collections.abc import Callable
from contextlib import ExitStack
from time import monotonic, perf_counter, sleep

import psycopg
from psycopg import sql
from sqlalchemy import Engine

from domain import event_log
from domain.database import log_engine
from projections import rebuild
from projections.database import projection_engine
from projections.projection import NEXT
from projections.rebuild import Filled
from projections.views import user_orders_view
from tests.benchmarks import history
from tests.benchmarks.peers import by_sql
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Result, compared
from tests.benchmarks.stage import READY_WITHIN, Stage, StageError, stage

AIM = 30_000
_USERS = 1_000
_EVENTS_MORE = 4  # than are projected into all tables elsewhere
_LOOK_SECONDS = 0.05
_WITHIN = 120.0
_VIEW = user_orders_view.PROJECTION
_NEXT = _VIEW.beside(NEXT)
_SWEEPING = "select count(*) from pg_stat_activity where application_name = 'tandem-log'"
_LEVEL = sql.SQL("update checkpoints set position = {} where partition = {}")


def measure(plan: Plan) -> Result:
    events = _EVENTS_MORE * plan.events
    one: list[float] = []
    two: list[float] = []
    peer: list[float] = []
    with stage() as at:
        plan.say(f"rebuild, writing a log of {events:,} events")
        history.write(at.stores.write_url, events, users=_USERS)
        by_sql.copy_log(at)
        log, read = log_engine(at.stores.write_url), projection_engine(at.stores.read_url)
        _spare_the_shown_tables(at, log)
        for _ in plan.each_round("rebuild"):
            one.append(_rate(at, log, read, workers=1))
            peer.append(events / by_sql.build(at, _NEXT.name))
            by_sql.compare(at, _NEXT.name)
            two.append(_rate(at, log, read, workers=2))
            by_sql.compare(at, _NEXT.name)
        log.dispose()
        read.dispose()
    return Result(
        title=f"rebuild: {_VIEW.name} from a log of {events:,} events, events/s",
        rounds=len(one),
        lines=[
            compared("one worker", one, peer, "one SQL statement, the same rows", aim=f"{AIM:,}; ratio 0.2"),
            compared("two workers", two, one, "one worker", aim="ratio 1.6"),
        ],
    )


def _spare_the_shown_tables(at: Stage, log: Engine) -> None:
    """Let workers find the shown tables level, which are not measured here."""
    with psycopg.connect(at.stores.read_url) as read, log.connect() as connection:
        for partition, head in event_log.heads(connection).items():
            read.execute(_LEVEL.format(head, partition))


def _rate(at: Stage, log: Engine, read: Engine, *, workers: int) -> float:
    with ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(at.process("api.cli", "worker"))
        _wait_for_sweeps(at, workers)
        rebuild.begin(_VIEW, read=read, anew=True)
        first, began = _wait_for(log, read, lambda filled: filled.events > 0)
        last, ended = _wait_for(log, read, lambda filled: filled.left == 0)
    return (last.events - first.events) / (ended - began)


def _wait_for(log: Engine, read: Engine, is_so: Callable[[Filled], bool]) -> tuple[Filled, float]:
    """Return how far the table is when something is so, and when that is."""
    until = monotonic() + _WITHIN
    while not is_so(filled := rebuild.filled(_NEXT, log=log, read=read)):
        if monotonic() > until:
            raise StageError(f"The table was not filled within {_WITHIN:.0f} s.")
        sleep(_LOOK_SECONDS)
    return filled, perf_counter()


def _wait_for_sweeps(at: Stage, workers: int) -> None:
    """Return once so many workers look for work, each by a connection to the log, beside the one of this process."""
    until = monotonic() + READY_WITHIN
    with psycopg.connect(at.stores.write_url, autocommit=True) as log:
        while log.execute(_SWEEPING).fetchall() != [(workers + 1,)]:
            if monotonic() > until:
                raise StageError(f"{workers} workers were not there within {READY_WITHIN:.0f} s.")
            sleep(_LOOK_SECONDS)
