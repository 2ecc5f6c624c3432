"""Mixed: four reads and a write at a time, over HTTP to one API process while one worker projects; and its memory.

Beside it stands what reads and writes come to one after the other, each in its share: what is less is what they cost
each other. Memory is that of a new process, after some requests of every kind and after many.
"""

import random
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import count, islice
from uuid import UUID

import psycopg
import uvloop

from tests.benchmarks import aged, questions, shop
from tests.benchmarks.aged import Orders
from tests.benchmarks.load import Answer, closed_loop
from tests.benchmarks.plan import Plan
from tests.benchmarks.questions import Question
from tests.benchmarks.report import Line, Result, compared
from tests.benchmarks.stage import Server, Stage, stage

CLIENTS = 16
_READS = 0.8
_ORDERS = Orders(count=questions.SIZE * shop.USERS, events=2)
_MOST_A_SECOND = 4000  # so many commands are made beforehand
_WARM_UP_SECONDS = 1.0
_SHARE = 0.75
_SECONDS_AT_MOST = 600.0
_GROWTH_AIM = "2 or less"


def measure(plan: Plan) -> Result:
    both: list[float] = []
    shares: list[float] = []
    with stage() as at:
        plan.say("mixed, opening the shop")
        shop.open_shop(at.stores.write_url)
        aged.append(at.stores.write_url, [_ORDERS])
        with at.worker():
            with _api(at) as server:
                _rate(at, server, _mixture(_WARM_UP_SECONDS), _WARM_UP_SECONDS)
                for _ in plan.each_round("mixed"):
                    shares.append(_alone(at, server, _SHARE * plan.seconds))
                    both.append(_rate(at, server, _mixture(_SHARE * plan.seconds), _SHARE * plan.seconds))
            with _api(at) as server:
                plan.say(f"mixed, {plan.requests:,} requests more")
                some, many = _megabytes(at, server, plan.requests)
    few = plan.requests // 5
    return Result(
        title=f"mixed: one API process, {CLIENTS} clients, one worker projecting meanwhile",
        rounds=len(both),
        lines=[
            compared(f"requests/s, {_READS:.0%} of them reads", both, shares, "the two alone, in shares", aim="0.80"),
            Line(what=f"memory after {few:,} requests of many kinds, MB", ours=some),
            Line(what=f"memory after {plan.requests:,} more, MB", ours=many),
            Line(what="grown by, MB in 100,000", ours=(many - some) * 100_000 / plan.requests, aim=_GROWTH_AIM),
        ],
    )


def _api(at: Stage) -> AbstractContextManager[Server]:
    return at.serving([sys.executable, "-m", "api.cli", "api"], ready="/readyz")


def _alone(at: Stage, server: Server, seconds: float) -> float:
    """Return how many of both would be answered a second if they took their turns."""
    reads = _rate(at, server, questions.page().requests, seconds)
    writes = _rate(at, server, _commands(seconds), seconds)
    return 1 / (_READS / reads + (1 - _READS) / writes)


def _rate(at: Stage, server: Server, requests: Iterator[bytes], seconds: float) -> float:
    """Return how many were answered a second, once all that they wrote is projected."""
    load = uvloop.run(closed_loop(server.port, requests, _is_answered, clients=CLIENTS, seconds=seconds))
    at.wait_until_level()
    return load.rate


def _megabytes(at: Stage, server: Server, requests: int) -> tuple[float, float]:
    """Return the memory after a fifth of so many requests, and after so many more."""
    kinds = _of_many_kinds(_some_orders(at))
    taken = []
    for number in (requests // 5, requests):
        _rate(at, server, islice(kinds, number), _SECONDS_AT_MOST)
        taken.append(server.megabytes())
    return taken[0], taken[1]


def _commands(seconds: float) -> Iterator[bytes]:
    made = int(seconds * _MOST_A_SECOND)
    chance, token = random.Random(made), shop.staff_token()
    return iter([shop.order_request(chance, token) for _ in range(made)])


def _mixture(seconds: float) -> Iterator[bytes]:
    chance, reads = random.Random(CLIENTS), questions.page().requests
    for command in _commands(seconds):
        while chance.random() < _READS:
            yield next(reads)
        yield command


def _of_many_kinds(orders: list[UUID]) -> Iterator[bytes]:
    """Yield commands, pages, single orders and documents that were not seen before."""
    chance, token = random.Random(CLIENTS), shop.staff_token()
    asked: list[Question] = [*[questions.page()] * 4, questions.order(orders), questions.unseen_page()]
    for number in count():
        if number % 5 == 0:
            yield shop.order_request(chance, token)
        else:
            yield next(chance.choice(asked).requests)


def _some_orders(at: Stage) -> list[UUID]:
    with psycopg.connect(at.stores.read_url) as read:
        return [row[0] for row in read.execute("select order_id from user_orders_view limit 1000")]


def _is_answered(answer: Answer) -> bool:
    return answer.status == 200 and b'"errors"' not in answer.body and b'"code"' not in answer.body
