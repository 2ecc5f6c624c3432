"""Live: from the commit of a row to its arrival at those who follow it, with 1,000 sockets on one API process.

Orders are placed 20 a second, as they are due (an open loop); each is followed by two sockets of 1,000. Then all of
them follow one user, who orders now and then. PostgreSQL itself says when a row was committed, and all clocks are one.
"""

import asyncio
import json
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

import psycopg
import uvloop
from uuid_utils.compat import uuid7
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from api.consistency import Token
from domain.event_log import partition_of_user
from tests.benchmarks import shop
from tests.benchmarks.load import check, connections
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Line, Result, milliseconds
from tests.benchmarks.stage import Stage, StageError, stage

SOCKETS = 1000
A_SECOND = 20
_OF_ALL = 5  # orders of the user whom all follow
_AT_ONCE = 12  # commands
_OPENING = 50  # sockets
_FOLLOWED = 499  # users, beside the one whom all follow
_AT_ONE_GO = 1e6  # a second
_ARRIVE_SECONDS = 30.0
_SECONDS_MORE = 2.5  # an open loop of 20 a second needs longer than a closed one for as many answers
_FOLLOW = """
    subscription ($user: ID!, $after: ConsistencyToken) {
      userOrdersChanged(userId: $user, after: $after) { id number status total { amount } itemNames }
    }
"""
_COMMITS = """
    select order_id, cast(extract(epoch from pg_xact_commit_timestamp(xmin)) as double precision)
    from user_orders_view where order_id = any(%s)
"""


class Arrivals:
    """When an order came, socket by socket."""

    def __init__(self) -> None:
        self.times: defaultdict[UUID, list[float]] = defaultdict(list)

    async def listen(self, socket: ClientConnection) -> None:
        async for text in socket:
            now, message = time.time(), json.loads(text)
            match message:
                case {"type": "next", "payload": {"data": {"userOrdersChanged": {"id": order}}}}:
                    self.times[UUID(order)].append(now)
                case {"type": "ping"}:
                    await socket.send('{"type": "pong"}')
                case {"type": "error"} | {"type": "next"}:
                    raise StageError(f"A subscription failed: {message}")

    async def wait_for(self, orders: Sequence[UUID], each: int) -> None:
        until = time.monotonic() + _ARRIVE_SECONDS
        while any(len(self.times[order]) < each for order in orders):
            if time.monotonic() > until:
                raise StageError(f"Changes did not reach all of their followers within {_ARRIVE_SECONDS:.0f} s.")
            await asyncio.sleep(0.05)


def measure(plan: Plan) -> Result:
    few: list[float] = []
    all_: list[float] = []
    last: list[float] = []
    rounds = 0
    with stage(postgres_settings={"track_commit_timestamp": "on"}) as at:
        shop.open_shop(at.stores.write_url)
        for _ in plan.each_round("live"):
            with at.process("api.cli", "worker"), at.api() as port:
                at.wait_until_level()
                arrivals, orders, of_all = uvloop.run(_follow(port, plan.seconds * _SECONDS_MORE))
            commits = _commits(at, [*orders, *of_all])
            few += [time - commits[order] for order in orders for time in arrivals.times[order]]
            all_ += [time - commits[order] for order in of_all for time in arrivals.times[order]]
            last += [max(arrivals.times[order]) - commits[order] for order in of_all]
            rounds += 1
    return Result(
        title=f"live: from a row's commit to its followers, {SOCKETS:,} sockets, {A_SECOND} orders a second",
        rounds=rounds,
        lines=[
            Line(what="p50, ms", ours=milliseconds(few, 0.5), aim="20"),
            Line(what="p99, ms", ours=milliseconds(few, 0.99)),
            Line(what=f"{SOCKETS:,} followers of one user: p50, ms", ours=milliseconds(all_, 0.5)),
            Line(what="  the last of them, ms", ours=milliseconds(last, 0.5), aim="1000"),
        ],
    )


async def _follow(port: int, seconds: float) -> tuple[Arrivals, list[UUID], list[UUID]]:
    chance, arrivals = random.Random(port), Arrivals()
    followed = [2 + number % _FOLLOWED for number in range(SOCKETS)]
    # One order of each user, which every follower is shown when it is ready.
    begun = await _place(port, chance, range(1, 2 + _FOLLOWED), _AT_ONE_GO)
    async with _sockets(port) as sockets, asyncio.TaskGroup() as group:
        listening = [group.create_task(arrivals.listen(socket)) for socket in sockets]
        for user, socket in zip(followed, sockets, strict=True):
            await socket.send(_subscribe("1", user))
        await arrivals.wait_for(begun[1:], each=SOCKETS // _FOLLOWED)
        users = [chance.choice(followed) for _ in range(int(seconds * A_SECOND))]
        orders = await _place(port, chance, users, A_SECOND)
        await arrivals.wait_for(orders, each=SOCKETS // _FOLLOWED)
        for socket in sockets:
            await socket.send(_subscribe("2", 1))
        await arrivals.wait_for(begun[:1], each=SOCKETS)
        of_all = await _place(port, chance, [1] * _OF_ALL, 0.5)
        await arrivals.wait_for(of_all, each=SOCKETS)
        for task in listening:
            task.cancel()
    return arrivals, orders, of_all


async def _place(port: int, chance: random.Random, users: Sequence[int], a_second: float) -> list[UUID]:
    """Place an order of each of these users; return the orders."""
    token, orders = shop.staff_token(), [uuid7() for _ in users]
    async with connections(port, _AT_ONCE) as made:
        free: asyncio.Queue[int] = asyncio.Queue()
        for place in range(_AT_ONCE):
            free.put_nowait(place)

        async def one(user: int, order: UUID, due: float) -> None:
            await asyncio.sleep(due - time.perf_counter())
            place = await free.get()
            request = shop.order_request(chance, token, order_id=order, users=range(user, user + 1))
            check(await made[place].ask(request), shop.is_accepted)
            free.put_nowait(place)

        began = time.perf_counter()
        each = enumerate(zip(users, orders, strict=True))
        await asyncio.gather(*(one(user, order, began + place / a_second) for place, (user, order) in each))
    return orders


@asynccontextmanager
async def _sockets(port: int) -> AsyncIterator[list[ClientConnection]]:
    url, init = f"ws://127.0.0.1:{port}/graphql", json.dumps(_init())
    opening = asyncio.Semaphore(_OPENING)

    async def opened() -> ClientConnection:
        async with opening:
            socket = await connect(
                url, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None, ping_interval=None
            )
            await socket.send(init)
            await socket.recv()
            return socket

    async with AsyncExitStack() as stack:
        sockets = await asyncio.gather(*(opened() for _ in range(SOCKETS)))
        for socket in sockets:
            stack.push_async_callback(socket.close)
        yield list(sockets)


def _init() -> dict[str, object]:
    return {"type": "connection_init", "payload": {"Authorization": f"Bearer {shop.staff_token()}"}}


def _subscribe(name: str, user: int) -> str:
    user_id = shop.user_id(user)
    after = str(Token(partition=partition_of_user(user_id), position=1))
    payload = {"query": _FOLLOW, "variables": {"user": str(user_id), "after": after}}
    return json.dumps({"id": name, "type": "subscribe", "payload": payload})


def _commits(at: Stage, orders: list[UUID]) -> dict[UUID, float]:
    """Return when the rows of orders were committed, in seconds since the epoch."""
    with psycopg.connect(at.stores.read_url) as read:
        return dict(read.execute(_COMMITS, (orders,)).fetchall())
