"""Commands: orders of three lines accepted a second, over HTTP, by one API process, while one worker projects them.

One peer is the same SQL run by pgbench with as many clients, while the same worker projects what it appends: what
PostgreSQL would do if validation, GraphQL and HTTP cost nothing. The other is the textbook way over HTTP, with a worker
of its own; ours is stopped meanwhile.
"""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import uvloop

from tests.benchmarks import pgbench, shop
from tests.benchmarks.load import Load, closed_loop
from tests.benchmarks.peers import textbook
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Line, Result, compared, milliseconds
from tests.benchmarks.stage import Stage, StageError, stage

CLIENTS = 16
_SCRIPT = Path(__file__).parent / "peers/create_order.sql"
_MOST_A_SECOND = 4000  # so many requests are made beforehand; whoever answers faster is done earlier
_WARM_UP_SECONDS = 2.0
_PROJECTED_WITHIN = 60.0


def measure(plan: Plan) -> Result:
    ours: list[Load] = []
    peer: list[float] = []
    theirs: list[float] = []
    with stage() as at:
        shop.open_shop(at.stores.write_url)
        textbook.open_shop(at.stores.write_url)
        for _ in plan.each_round("commands"):
            with at.process("api.cli", "worker"), at.api() as port:
                _orders(at, port, min(_WARM_UP_SECONDS, plan.seconds))
                ours.append(_orders(at, port, plan.seconds))
                peer.append(_transactions(at, plan.seconds))
            theirs.append(_textbook_orders(at, plan.seconds))
    everyone = [latency for load in ours for latency in load.latencies]
    return Result(
        title=f"commands: createOrder with {shop.LINES} lines, {CLIENTS} clients, one worker projecting meanwhile",
        rounds=len(ours),
        lines=[
            compared("orders/s", [load.rate for load in ours], peer, "the same SQL by pgbench"),
            compared("", [load.rate for load in ours], theirs, "the textbook way, over HTTP", aim="4"),
            Line(what="latency p50, ms", ours=milliseconds(everyone, 0.5)),
            Line(what="latency p99, ms", ours=milliseconds(everyone, 0.99)),
        ],
    )


def _orders(at: Stage, port: int, seconds: float) -> Load:
    requests = _requests(int(seconds * _MOST_A_SECOND))
    load = uvloop.run(closed_loop(port, requests, shop.is_accepted, clients=CLIENTS, seconds=seconds))
    at.wait_until_level()
    return load


def _textbook_orders(at: Stage, seconds: float) -> float:
    with (
        at.process(textbook.__name__, "--worker"),
        at.server(textbook.__name__, ready="/graphql?query=%7Bready%7D") as port,
    ):
        for each in (min(_WARM_UP_SECONDS, seconds), seconds):
            requests = _requests(int(each * _MOST_A_SECOND))
            load = uvloop.run(closed_loop(port, requests, shop.is_accepted, clients=CLIENTS, seconds=each))
        _wait_until_projected(at)
    return load.rate


def _wait_until_projected(at: Stage) -> None:
    until = time.monotonic() + _PROJECTED_WITHIN
    totals = "select (count(*), sum(total)) from"
    counts = f"select ({totals} textbook_orders), ({totals} {textbook.VIEW})"
    with psycopg.connect(at.stores.write_url, autocommit=True) as store:
        while (row := store.execute(counts.encode()).fetchone()) and row[0] != row[1]:
            if time.monotonic() > until:
                raise StageError(f"the textbook way lost orders: {row[0]} written, {row[1]} shown")
            time.sleep(0.1)


def _requests(count: int) -> Iterator[bytes]:
    chance, token = random.Random(count), shop.staff_token()
    return iter([shop.order_request(chance, token) for _ in range(count)])


def _transactions(at: Stage, seconds: float) -> float:
    rate = pgbench.transactions_a_second(at, at.stores.write_url, _SCRIPT, clients=CLIENTS, seconds=seconds)
    at.wait_until_level()
    return rate
