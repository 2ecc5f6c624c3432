"""Lag: from the commit of a createOrder to the commit of its row, with 300 a second offered over HTTP, to one worker.

Commands are sent when they are due, whether or not others are answered (an open loop). Where the machine cannot answer
that many, it is given the most that it can, which is the first figure. PostgreSQL itself says when an event and its row
were committed, and both clocks are one.
"""

import asyncio
import random
from statistics import median
from time import perf_counter

import psycopg
import uvloop

from tests.benchmarks import shop
from tests.benchmarks.load import Connection, check, connections
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Line, Result, milliseconds
from tests.benchmarks.stage import Stage, StageError, stage

A_SECOND = 300
_AT_ONCE = 64
_SECONDS_MORE = 5
_COMMITTED = """
    select {id}, cast(extract(epoch from pg_xact_commit_timestamp(xmin)) as double precision) from {table}
    where {where}
"""
_EVENTS = _COMMITTED.format(id="stream_id", table="events", where="type = 'OrderCreated'")
_ROWS = _COMMITTED.format(id="order_id", table="user_orders_view", where="version = 1")


def measure(plan: Plan) -> Result:
    rates: list[float] = []
    lags: list[list[float]] = []
    for _ in plan.each_round("lag"):
        with stage(postgres_settings={"track_commit_timestamp": "on"}) as at:
            shop.open_shop(at.stores.write_url)
            with at.worker(), at.api() as port:
                rates.append(uvloop.run(open_loop(port, _SECONDS_MORE * plan.seconds, a_second=A_SECOND)))
                at.wait_until_level()
            lags.append(lags_of(at))
    return Result(
        title=f"lag: from a command's commit to its row's, {A_SECOND} commands a second (less is better)",
        rounds=len(lags),
        lines=[
            Line(what="commands a second, answered", ours=median(rates), aim=f"{A_SECOND}"),
            Line(what="p50, ms", ours=median(milliseconds(each, 0.5) for each in lags)),
            Line(what="p99, ms", ours=median(milliseconds(each, 0.99) for each in lags), aim="250"),
        ],
    )


async def open_loop(port: int, seconds: float, *, a_second: int) -> float:
    """Offer commands for so many seconds; return how many were answered a second."""
    chance, token = random.Random(a_second), shop.staff_token()
    requests = [shop.order_request(chance, token) for _ in range(round(seconds * a_second))]
    async with connections(port, _AT_ONCE) as made:
        free: asyncio.Queue[Connection] = asyncio.Queue()
        for connection in made:
            free.put_nowait(connection)

        async def one(request: bytes, due: float) -> bool:
            await asyncio.sleep(due - perf_counter())
            connection = await free.get()
            if in_time := perf_counter() < began + seconds:
                check(await connection.ask(request), shop.is_accepted)
            free.put_nowait(connection)
            return in_time

        began = perf_counter()
        each = [one(request, began + place / a_second) for place, request in enumerate(requests)]
        return sum(await asyncio.gather(*each)) / (perf_counter() - began)


def lags_of(at: Stage) -> list[float]:
    """Return how many seconds after its event each row was committed."""
    with psycopg.connect(at.stores.write_url) as log, psycopg.connect(at.stores.read_url) as read:
        events, rows = dict(log.execute(_EVENTS).fetchall()), dict(read.execute(_ROWS).fetchall())
    if events.keys() != rows.keys():
        raise StageError(f"{len(events)} orders were placed, and {len(rows)} are shown.")
    return [rows[order] - placed for order, placed in events.items()]
