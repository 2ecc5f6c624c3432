"""Reads: pages of a user's orders a second, 20 rows of 9 fields, over HTTP from one process.

The peers answer the same page from the same view: one by hand, without GraphQL, which is the limit; one with plain
Strawberry, which is where one would start. That all three answer alike is checked before.
"""

import random
from collections.abc import Callable, Mapping
from functools import partial
from itertools import cycle
from pathlib import Path

import orjson
import psycopg
import uvloop

from tests.benchmarks import history, pgbench
from tests.benchmarks.load import Answer, check, closed_loop, connections, get, graphql
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Result, compared
from tests.benchmarks.shop import staff_token, user_id
from tests.benchmarks.stage import Stage, StageError, stage

CLIENTS = 16
SIZE = 20
USERS = 100
_EVENTS = 12_000
_WARM_UP_SECONDS = 1.0
_SHARE = 0.75  # four sides are loaded a round, where other claims have two
_SCRIPT = Path(__file__).parent / "peers/page.sql"
_PEERS = "tests.benchmarks.peers"
_DOCUMENT = """
query UserOrders($userId: ID!, $first: Int!) {
  userOrders(userId: $userId, first: $first) {
    nodes { number userName userEmail total { amount } itemCount itemNames status createdAt id }
  }
}
"""
_OURS, _HAND_WRITTEN, _PLAIN, _DATABASE = "ours", "by hand", "plain Strawberry", "pgbench"


def measure(plan: Plan) -> Result:
    with stage() as at:
        plan.say("reads, filling the view")
        history.write(at.stores.write_url, _EVENTS, users=USERS)
        _project(at)
        with (
            at.api() as ours,
            at.server(f"{_PEERS}.hand_written", ready="/ready") as by_hand,
            at.server(f"{_PEERS}.plain_strawberry", ready="/ready") as plain,
        ):
            ports = {_OURS: ours, _HAND_WRITTEN: by_hand, _PLAIN: plain}
            uvloop.run(_compare(ports))
            sides: dict[str, Callable[[float], float]] = {
                name: partial(_pages, name, port) for name, port in ports.items()
            }
            sides[_DATABASE] = partial(_pages_by_pgbench, at)
            rates = _alternate(plan, sides)
    return Result(
        title=f"reads: userOrders, {SIZE} rows of 9 fields, {CLIENTS} connections, one process each",
        rounds=len(rates[_OURS]),
        lines=[
            compared("pages/s", rates[_OURS], rates[_HAND_WRITTEN], "by hand: Starlette, asyncpg, orjson"),
            compared("", rates[_OURS], rates[_PLAIN], "plain Strawberry, asyncpg"),
            compared("", rates[_OURS], rates[_DATABASE], "the same SQL by pgbench"),
        ],
    )


def _alternate(plan: Plan, sides: Mapping[str, Callable[[float], float]]) -> dict[str, list[float]]:
    for rate in sides.values():
        rate(_WARM_UP_SECONDS)
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for _ in plan.each_round("reads"):
        for name, rate in sides.items():
            rates[name].append(rate(_SHARE * plan.seconds))
    return rates


def _pages(name: str, port: int, seconds: float) -> float:
    requests = cycle(_requests(name))
    return uvloop.run(closed_loop(port, requests, _is_a_full_page, clients=CLIENTS, seconds=seconds)).rate


def _pages_by_pgbench(at: Stage, seconds: float) -> float:
    return pgbench.transactions_a_second(at, at.stores.read_url, _SCRIPT, clients=CLIENTS, seconds=seconds)


def _requests(name: str) -> list[bytes]:
    """Return a request for the page of each user, in an order that is the same for all sides."""
    token = staff_token()
    numbers = random.Random(SIZE).sample(range(1, USERS + 1), USERS)
    if name == _HAND_WRITTEN:
        return [get(f"/users/{user_id(number)}/orders?first={SIZE}") for number in numbers]
    return [graphql(_DOCUMENT, {"userId": str(user_id(n)), "first": SIZE}, token=token) for n in numbers]


def _is_a_full_page(answer: Answer) -> bool:
    return answer.status == 200 and answer.body.count(b'"number"') == SIZE and b'"errors"' not in answer.body


async def _compare(ports: Mapping[str, int]) -> None:
    """Raise StageError unless every side gives the same page to every request."""
    pages = {name: [await _page(port, request) for request in _requests(name)] for name, port in ports.items()}
    for name, answered in pages.items():
        if answered != pages[_OURS]:
            raise StageError(f"The pages differ: {_OURS} {pages[_OURS][0]}, {name} {answered[0]}.")


async def _page(port: int, request: bytes) -> object:
    async with connections(port, 1) as [connection]:
        answer = await connection.ask(request)
    check(answer, _is_a_full_page)
    return orjson.loads(answer.body)["data"]


def _project(at: Stage) -> None:
    with at.process("api.cli", "worker"):
        at.wait_until_level()
    with psycopg.connect(at.stores.read_url, autocommit=True) as read:
        read.execute("vacuum analyze user_orders_view")
