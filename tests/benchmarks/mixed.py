"""Mixed: four reads and a write at a time, over HTTP to one API process while one worker projects; and its memory.

Beside it stands what reads and writes come to one after the other, each in its share: what is less is what they cost
each other. Memory is that of a new process, after requests of many kinds: caches fill at first, and then it shall stay.
"""

import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import count, islice
from uuid import UUID

import psycopg
import uvloop

from tests.benchmarks import aged, questions, shop
from tests.benchmarks.aged import Orders
from tests.benchmarks.load import Answer, Load, closed_loop
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
_SECONDS_A_PART = 40.0
_PARTS = (0.2, 0.4, 0.4)  # of the requests, after each of which memory is looked at


def measure(plan: Plan) -> Result:
    both: list[float] = []
    shares: list[float] = []
    with stage() as at:
        plan.say("mixed, opening the shop")
        shop.open_shop(at.stores.write_url)
        aged.append(at.stores.write_url, [_ORDERS])
        with at.worker():
            with _api(at) as server:
                _load(at, server, _mixture(_WARM_UP_SECONDS), _WARM_UP_SECONDS)
                for _ in plan.each_round("mixed"):
                    shares.append(_alone(at, server, _SHARE * plan.seconds))
                    both.append(_load(at, server, _mixture(_SHARE * plan.seconds), _SHARE * plan.seconds).rate)
            with _api(at) as server:
                plan.say(f"mixed, {plan.requests:,} requests of many kinds")
                memory = list(_memory(at, server, [round(part * plan.requests) for part in _PARTS]))
    return Result(
        title=f"mixed: one API process, {CLIENTS} clients, one worker projecting meanwhile",
        rounds=len(both),
        lines=[
            compared(f"requests/s, {_READS:.0%} of them reads", both, shares, "the two alone, in shares", aim="0.80"),
            *memory,
        ],
    )


def _api(at: Stage) -> AbstractContextManager[Server]:
    return at.serving([sys.executable, "-m", "api.cli", "api"], ready="/readyz")


def _alone(at: Stage, server: Server, seconds: float) -> float:
    """Return how many of both would be answered a second if they took their turns."""
    reads = _load(at, server, questions.page().requests, seconds).rate
    writes = _load(at, server, _commands(seconds), seconds).rate
    return 1 / (_READS / reads + (1 - _READS) / writes)


def _load(at: Stage, server: Server, requests: Iterator[bytes], seconds: float) -> Load:
    """Send requests until they or the time are over, and wait until all that they wrote is projected."""
    load = uvloop.run(closed_loop(server.port, requests, _is_answered, clients=CLIENTS, seconds=seconds))
    at.wait_until_level()
    return load


def _memory(at: Stage, server: Server, parts: Sequence[int]) -> Iterator[Line]:
    """Send one part of the requests after the other; yield the memory after each, and how it grew in the last."""
    kinds = _of_many_kinds(_some_orders(at))
    held, answered = [server.megabytes()], [0]
    for requests in parts:
        load = _load(at, server, islice(kinds, requests), _SECONDS_A_PART)
        held.append(server.megabytes())
        answered.append(answered[-1] + len(load.latencies))
        yield Line(what=f"MB of memory after {answered[-1]:,} requests of many kinds", ours=held[-1])
    grown = (held[-1] - held[-2]) * 100_000 / (answered[-1] - answered[-2])
    yield Line(what="MB it grew by in the last of these, in 100,000", ours=grown, aim="2 or less")


def _commands(seconds: float) -> Iterator[bytes]:
    made = int(seconds * _MOST_A_SECOND)
    chance, token = random.Random(made), shop.staff_token()
    return iter([shop.order_request(chance, token) for _ in range(made)])


def _mixture(seconds: float) -> Iterator[bytes]:
    chance, reads, commands = random.Random(CLIENTS), questions.page().requests, _commands(seconds)
    return (next(reads if chance.random() < _READS else commands) for _ in count())


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
