"""Visible: from the answer to a createOrder until its row is in user_orders_view, 20 commands a second.

Commands are sent when they are due, whether or not others are answered (an open loop), and the read table is asked for
the row by its primary key every millisecond. The peer is a plain Celery task an event: the same command is followed by
a task that carries the event and writes the row, and the clock starts when it is sent. Each has its own worker, started
anew each round, and the machine for itself.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg
import psycopg
import uvloop
from uuid_utils.compat import uuid7

from tests.benchmarks import shop
from tests.benchmarks.load import Connection, check, connections
from tests.benchmarks.peers import celery_task
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Result, compared, milliseconds
from tests.benchmarks.stage import Stage, StageError, stage

A_SECOND = 20
AIMS = {0.5: "4.5", 0.99: "15"}  # milliseconds
_AT_ONCE = 12  # more than are ever under way, unless the system is on its knees
_PAUSE = 0.001
_VISIBLE_WITHIN = 30.0
_WARM_UP_SECONDS = 1.0
_SECONDS_MORE = 2.5  # an open loop of 20 a second needs longer than a closed one for as many answers
_VIEW = "user_orders_view"
Publish = Callable[[UUID], None]


def measure(plan: Plan) -> Result:
    ours: list[list[float]] = []
    peer: list[list[float]] = []
    with stage() as at, at.api() as port:
        shop.open_shop(at.stores.write_url)
        with psycopg.connect(at.stores.read_url) as read:
            read.execute(celery_task.CREATE)
        publish = _publisher(at)
        for _ in plan.each_round("visible"):
            with at.process("api.cli", "worker"):
                at.wait_until_level()
                ours.append(_latencies(at, port, plan.seconds, _VIEW, None))
            with at.process(celery_task.__name__):
                peer.append(_latencies(at, port, plan.seconds, celery_task.TABLE, publish))
    return Result(
        title=f"visible: from a command's answer to its row, {A_SECOND} commands a second (less is better)",
        rounds=len(ours),
        lines=[
            compared(
                f"p{part * 100:.0f}, ms",
                [milliseconds(each, part) for each in ours],
                [milliseconds(each, part) for each in peer],
                "a plain Celery task an event",
                aim=aim,
            )
            for part, aim in AIMS.items()
        ],
    )


def _latencies(at: Stage, port: int, seconds: float, table: str, publish: Publish | None) -> list[float]:
    uvloop.run(_open_loop(at, port, _WARM_UP_SECONDS, table, publish))
    return uvloop.run(_open_loop(at, port, seconds * _SECONDS_MORE, table, publish))


async def _open_loop(at: Stage, port: int, seconds: float, table: str, publish: Publish | None) -> list[float]:
    chance, token = random.Random(table), shop.staff_token()
    orders = [uuid7() for _ in range(int(seconds * A_SECOND))]
    requests = [shop.order_request(chance, token, order_id=order) for order in orders]
    async with connections(port, _AT_ONCE) as made, _readers(at.stores.read_url, table) as readers:
        free: asyncio.Queue[tuple[Connection, Any]] = asyncio.Queue()
        for pair in zip(made, readers, strict=True):
            free.put_nowait(pair)

        async def one(order: UUID, request: bytes, due: float) -> float:
            await asyncio.sleep(due - perf_counter())
            connection, row = await free.get()
            check(await connection.ask(request), shop.is_accepted)
            if publish is not None:
                await asyncio.to_thread(publish, order)
            answered = perf_counter()
            while await row.fetchval(order) is None:
                if perf_counter() - answered > _VISIBLE_WITHIN:
                    raise StageError(f"A row was not in {table} within {_VISIBLE_WITHIN:.0f} s.")
                await asyncio.sleep(_PAUSE)
            visible = perf_counter()
            free.put_nowait((connection, row))
            return visible - answered

        began = perf_counter()
        pairs = zip(orders, requests, strict=True)
        return await asyncio.gather(*(one(*pair, began + place / A_SECOND) for place, pair in enumerate(pairs)))


@asynccontextmanager
async def _readers(read_url: str, table: str) -> AsyncIterator[list[Any]]:
    """Give statements that look a row up, each on a connection of its own."""
    opened = [await asyncpg.connect(read_url) for _ in range(_AT_ONCE)]
    try:
        yield [await each.prepare(f"select 1 from {table} where order_id = $1") for each in opened]
    finally:
        for each in opened:
            await each.close()


def _publisher(at: Stage) -> Publish:
    producer = celery_task.create_app(at.stores.redis_url)

    def publish(order: UUID) -> None:
        producer.send_task(celery_task.TASK, args=[_event(order)])

    return publish


def _event(order: UUID) -> dict[str, object]:
    """Return what such a task is given: all that its row needs."""
    lines = [
        {"product_id": str(shop.product_id(n)), "sku": f"SKU-{n}", "name": f"Product number {n}", "quantity": n}
        for n in range(1, shop.LINES + 1)
    ]
    return {
        "order_id": str(order),
        "number": "100001",
        "user_id": str(shop.user_id(1)),
        "user_name": "Buyer Number 1",
        "user_email": "buyer1@example.com",
        "total": "119.40",
        "currency": "USD",
        "item_count": len(lines),
        "item_names": ", ".join(str(line["name"]) for line in lines),
        "items": lines,
        "status": "pending",
        "created_at": "2026-01-01T08:00:00+00:00",
        "updated_at": "2026-01-01T08:00:00+00:00",
        "version": 1,
    }
