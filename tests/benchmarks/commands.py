"""Commands: orders of three lines accepted a second, over HTTP, by one API process, while one worker projects them.

The peer is the same SQL run by pgbench with as many clients, while the same worker projects what it appends: what
PostgreSQL would do if validation, GraphQL and HTTP cost nothing.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import uvloop

from tests.benchmarks import pgbench, shop
from tests.benchmarks.load import Load, closed_loop
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Line, Result, compared, milliseconds
from tests.benchmarks.stage import Stage, stage

CLIENTS = 16
_SCRIPT = Path(__file__).parent / "peers/create_order.sql"
_MOST_A_SECOND = 4000  # so many requests are made beforehand; whoever answers faster is done earlier
_WARM_UP_SECONDS = 2.0


def measure(plan: Plan) -> Result:
    ours: list[Load] = []
    peer: list[float] = []
    with stage() as at, at.process("api.cli", "worker"), at.api() as port:
        shop.open_shop(at.stores.write_url)
        _orders(at, port, min(_WARM_UP_SECONDS, plan.seconds))
        for _ in plan.each_round("commands"):
            ours.append(_orders(at, port, plan.seconds))
            peer.append(_transactions(at, plan.seconds))
    everyone = [latency for load in ours for latency in load.latencies]
    return Result(
        title=f"commands: createOrder with {shop.LINES} lines, {CLIENTS} clients, one worker projecting meanwhile",
        rounds=len(ours),
        lines=[
            compared("orders/s", [load.rate for load in ours], peer, "the same SQL by pgbench"),
            Line(what="latency p50, ms", ours=milliseconds(everyone, 0.5)),
            Line(what="latency p99, ms", ours=milliseconds(everyone, 0.99)),
        ],
    )


def _orders(at: Stage, port: int, seconds: float) -> Load:
    requests = _requests(int(seconds * _MOST_A_SECOND))
    load = uvloop.run(closed_loop(port, requests, shop.is_accepted, clients=CLIENTS, seconds=seconds))
    at.wait_until_level()
    return load


def _requests(count: int) -> Iterator[bytes]:
    chance, token = random.Random(count), shop.staff_token()
    return iter([shop.order_request(chance, token) for _ in range(count)])


def _transactions(at: Stage, seconds: float) -> float:
    rate = pgbench.transactions_a_second(at, at.stores.write_url, _SCRIPT, clients=CLIENTS, seconds=seconds)
    at.wait_until_level()
    return rate
