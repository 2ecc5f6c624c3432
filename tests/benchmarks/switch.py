"""Switch: the longest that a query waits while a table that was built again is shown, and while that is taken back.

Readers ask for the first page of all orders without a pause while orders come in, and every answer has to be a whole
page. The peer is the same load while an operator looks at the status, which costs a process too, and locks nothing.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from threading import Timer
from time import perf_counter

import psycopg
import uvloop

from projections.views import user_orders_view
from tests.benchmarks import aged, shop
from tests.benchmarks.load import Answer, Connection, check, connections, graphql
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Line, Result, compared
from tests.benchmarks.stage import Stage, StageError, stage

AIM = "200"  # milliseconds
READERS = 4
A_SECOND = 20  # orders
SIZE = 20
_EVENTS = 4  # an order
_REPORT_SECONDS = 4.0  # longer than a command needs to begin
_SHOWN, _TAKEN_BACK, _KEPT = (
    "it is shown",
    "it is taken back",
    f"a report of {_REPORT_SECONDS:.0f} s keeps it from that",
)
_NAME = user_orders_view.PROJECTION.name
_DOCUMENT = "query Newest { orders(first: %d) { nodes { number userName total { amount } itemNames status id } } }"


def measure(plan: Plan) -> Result:
    ours: dict[str, list[float]] = {_SHOWN: [], _TAKEN_BACK: [], _KEPT: []}
    peer: list[float] = []
    with stage() as at:
        shop.open_shop(at.stores.write_url)
        plan.say(f"switch, writing a log of {plan.events:,} events")
        aged.append(at.stores.write_url, [aged.Orders(count=plan.events // _EVENTS, events=_EVENTS)])
        with at.worker(), at.api() as port:
            _run(at, "rebuild", _NAME)
            for _ in plan.each_round("switch"):
                peer.append(uvloop.run(_longest(at, port, "status")))
                ours[_SHOWN].append(uvloop.run(_longest(at, port, "switch", _NAME)))
                ours[_TAKEN_BACK].append(uvloop.run(_longest(at, port, "rollback", _NAME)))
                with _report(at):
                    ours[_KEPT].append(uvloop.run(_longest(at, port, "switch", _NAME)))
                _run(at, "rollback", _NAME)
    return Result(
        title=f"switch: the longest answer of {READERS} readers, {A_SECOND} orders a second, {plan.events:,} events",
        rounds=len(peer),
        lines=[
            *(
                compared(f"while {what}, ms", longest, peer, "tandem projections status", aim=AIM)
                for what, longest in ours.items()
            ),
            Line(what="the longest of all rounds, ms", ours=max(max(each) for each in ours.values())),
        ],
    )


async def _longest(at: Stage, port: int, *arguments: str) -> float:
    """Return the milliseconds of the slowest answer while a command runs."""
    latencies: list[float] = []
    async with _orders_coming_in(port), connections(port, READERS) as made:
        over = asyncio.Event()
        readers = [asyncio.create_task(_read(each, over, latencies)) for each in made]
        await asyncio.to_thread(_run, at, *arguments)
        over.set()
        await asyncio.gather(*readers)
    return 1000 * max(latencies)


async def _read(connection: Connection, over: asyncio.Event, latencies: list[float]) -> None:
    request = graphql(_DOCUMENT % SIZE, {}, token=shop.staff_token())
    while not over.is_set():
        asked = perf_counter()
        answer = await connection.ask(request)
        latencies.append(perf_counter() - asked)
        check(answer, _is_whole)


@asynccontextmanager
async def _orders_coming_in(port: int) -> AsyncIterator[None]:
    chance, token, over = random.Random(port), shop.staff_token(), asyncio.Event()

    async def place(connection: Connection) -> None:
        while not over.is_set():
            check(await connection.ask(shop.order_request(chance, token)), shop.is_accepted)
            await asyncio.sleep(1 / A_SECOND)

    async with connections(port, 1) as [connection]:
        placing = asyncio.create_task(place(connection))
        try:
            yield
        finally:
            over.set()
            await placing


@contextmanager
def _report(at: Stage) -> Iterator[None]:
    """Hold the table as a long query does."""
    with psycopg.connect(at.stores.read_url) as report:
        report.execute(f"select count(*) from {_NAME}".encode())
        over = Timer(_REPORT_SECONDS, report.close)
        over.start()
        yield
        over.join()


def _run(at: Stage, *arguments: str) -> None:
    with at.process("api.cli", "projections", *arguments) as process:
        if process.wait() != 0:
            raise StageError(f"tandem projections {' '.join(arguments)} ended with {process.returncode}.")


def _is_whole(answer: Answer) -> bool:
    return answer.status == 200 and answer.body.count(b'"number"') == SIZE and b'"errors"' not in answer.body
