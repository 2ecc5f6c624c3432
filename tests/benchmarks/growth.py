"""What it costs to project an event, of a log that has grown and into a table that has, against young ones.

All read tables are brought up to date by one runner in this process, some thousand events at once. The two sides
alternate, so that whatever else the machine does meets both.
"""

from dataclasses import dataclass
from time import perf_counter

import psycopg
from sqlalchemy import Engine

import projections.database
from domain import event_log
from domain.database import log_engine
from domain.event_log import PARTITIONS
from projections import checkpoints
from projections.catalogue import projections as catalogue
from projections.database import projection_engine
from projections.runner import Runner
from projections.views import user_orders_view
from tests.benchmarks import aged
from tests.benchmarks.aged import Orders
from tests.benchmarks.plan import Plan
from tests.benchmarks.stage import Stage, StageError
from tests.support import many_orders

_EVENTS_AN_ORDER = 10
_ORDERS_AT_ONCE = 200
_TIMES_A_ROUND = 5
_SECONDS = 60.0
# The users and products of the shop, whose events come first; orders change their rows.
_SHOP = "select partition, count(*) from events where stream_type != 'order' group by partition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A log, and read tables that have applied all of it but what is measured."""

    log: Engine
    read: Engine

    def drain(self, upto: dict[int, int]) -> None:
        runner = Runner(log=self.log, read=self.read, projections=catalogue(), publish=lambda _: None, upto=upto)
        if not runner.drain(*range(PARTITIONS), seconds=_SECONDS):
            raise StageError(f"Events were not projected within {_SECONDS:.0f} s.")

    def reached(self) -> dict[int, int]:
        with self.read.connect() as connection:
            return checkpoints.positions(connection).get(user_orders_view.PROJECTION.name, {})

    def heads(self) -> dict[int, int]:
        with self.log.connect() as connection:
            return event_log.heads(connection)


def costs(at: Stage, plan: Plan, grown: str, young: str) -> tuple[list[float], list[float]]:
    """Return microseconds an event, in each round, of either log."""
    times = _TIMES_A_ROUND * plan.rounds
    sides = [_side(at, url, Orders(count=times * _ORDERS_AT_ONCE, events=_EVENTS_AN_ORDER)) for url in (grown, young)]
    parts = [_parts(side, times) for side in sides]
    taken: tuple[list[float], list[float]] = ([], [])
    for time in range(times):
        plan.say(f"age, projecting, part {time + 1} of {times}")
        for number in (0, 1) if time % 2 else (1, 0):
            before = sum(sides[number].reached().values())
            began = perf_counter()
            sides[number].drain(parts[number][time])
            seconds = perf_counter() - began
            taken[number].append(1e6 * seconds / (sum(sides[number].reached().values()) - before))
    for side in sides:
        side.log.dispose()
        side.read.dispose()
    return taken


def _side(at: Stage, url: str, coming: Orders) -> Side:
    """Give a log read tables of its size that are level, and then some events more."""
    read_url = at.database(f"read_of_{url.rpartition('/')[2].partition('?')[0]}")
    projections.database.migrate(read_url)
    side = Side(log=log_engine(url), read=projection_engine(read_url))
    with psycopg.connect(url) as log:
        side.drain(dict.fromkeys(range(PARTITIONS), 0) | dict(log.execute(_SHOP).fetchall()))
    heads = side.heads()
    with side.read.begin() as connection:
        many_orders.fill(connection, sum(heads.values()) // _EVENTS_AN_ORDER)
    with psycopg.connect(read_url) as read:
        for partition, head in heads.items():
            read.execute(
                "update checkpoints set position = %s, event_id = null where partition = %s", (head, partition)
            )
    aged.append(url, [coming])
    return side


def _parts(side: Side, times: int) -> list[dict[int, int]]:
    """Return up to which positions to go, in so many steps."""
    begun, heads = side.reached(), side.heads()
    return [
        {partition: at + (heads[partition] - at) * step // times for partition, at in begun.items()}
        for step in range(1, times + 1)
    ]
