"""Age: what commands and projecting cost on a log that has grown, and on an order that much has happened to.

Commands go through the bus in this process, one after the other, without HTTP. The two sides alternate command by
command, so that whatever else the machine does meets both. An order's quantity is changed; other commands on an order
read no more than this one. That the logs are whole, without a gap, is checked afterwards.
"""

import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count, cycle
from time import perf_counter
from uuid import UUID, uuid4

import uvloop

import domain.database
from domain.bus import Bus, Request
from domain.commands import ChangeOrderItemQuantity, Command, CreateOrder
from domain.database import CommandPool
from domain.money import Currency
from domain.order import Line
from domain.transaction import Actor
from tests.benchmarks import aged, growth, shop
from tests.benchmarks.aged import Orders
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Result, compared, milliseconds
from tests.benchmarks.stage import Stage, StageError, stage

YOUNG = 10_000
_EVENTS_AN_ORDER = 10
_OLD_ORDERS = Orders(count=40, events=1_000)
_EVENTS_OF_A_YOUNG_ORDER = 2
_PAIRS_A_SECOND = 150
_WARM_UP_PAIRS = 100
_AIM = "ratio 1.2"
_STAFF = Actor(id="staff:benchmarks", staff=True)
Send = Callable[[], Awaitable[object]]


@dataclass(slots=True)
class _Figure:
    """Medians in milliseconds, one a round."""

    old: list[float] = field(default_factory=list)
    young: list[float] = field(default_factory=list)


def measure(plan: Plan) -> Result:
    with stage() as at:
        young_orders = Orders(count=_WARM_UP_PAIRS + plan.rounds * _pairs(plan), events=_EVENTS_OF_A_YOUNG_ORDER)
        plan.say(f"age, writing logs of {YOUNG:,} and {plan.grown:,} events")
        young = _log(at, "young", YOUNG)
        grown = _log(at, "grown", plan.grown, young_orders, _OLD_ORDERS)
        by_log, by_order = uvloop.run(_rounds(plan, grown, young, young_orders))
        projected = growth.costs(at, plan, grown, young)
        for url in (grown, young):
            aged.count(url)
    return Result(
        title="age: commands one after the other, and projecting, in-process (less is better)",
        rounds=len(by_log.old),
        lines=[
            compared(
                f"createOrder, a log of {plan.grown:,} events, p50, ms",
                by_log.old,
                by_log.young,
                f"a log of {YOUNG:,} events",
                aim=_AIM,
            ),
            compared(
                f"changeOrderItemQuantity, an order of {_OLD_ORDERS.events:,} events, p50, ms",
                by_order.old,
                by_order.young,
                f"an order of {_EVENTS_OF_A_YOUNG_ORDER} events, in the same log",
                aim=_AIM,
            ),
            compared(
                f"an event projected into all read tables, a log of {plan.grown:,} events, µs",
                *projected,
                f"a log of {YOUNG:,} events",
                aim=_AIM,
            ),
        ],
    )


def _log(at: Stage, name: str, events: int, *groups: Orders) -> str:
    """Make a write store whose log has so many events, those of the groups last; return its address."""
    url = at.database(name)
    domain.database.migrate(url)
    shop.open_shop(url)
    others = events - shop.USERS - shop.PRODUCTS - sum(group.count * group.events for group in groups)
    aged.append(url, [Orders(count=others // _EVENTS_AN_ORDER, events=_EVENTS_AN_ORDER), *groups])
    written = aged.count(url)
    if not events - _EVENTS_AN_ORDER < written <= events:
        raise StageError(f"The log has {written:,} events, not {events:,}.")
    return url


async def _rounds(plan: Plan, grown: str, young: str, young_orders: Orders) -> tuple[_Figure, _Figure]:
    async with AsyncExitStack() as stack:
        on_grown, on_young = [
            Bus(
                await stack.enter_async_context(CommandPool(url, connections=1)),
                currency=Currency.of("USD"),
                nudge=lambda _: None,
            )
            for url in (grown, young)
        ]
        sides = {
            "log": (_creation(on_grown), _creation(on_young)),
            "order": (
                _change(on_grown, aged.orders(grown, _OLD_ORDERS)),
                _change(on_grown, aged.orders(grown, young_orders)),
            ),
        }
        figures = {name: _Figure() for name in sides}
        for old, new in sides.values():
            await _latencies(old, new, _WARM_UP_PAIRS)
        for _ in plan.each_round("age"):
            for name, (old, new) in sides.items():
                olds, news = await _latencies(old, new, _pairs(plan))
                figures[name].old.append(milliseconds(olds, 0.5))
                figures[name].young.append(milliseconds(news, 0.5))
    return figures["log"], figures["order"]


async def _latencies(old: Send, young: Send, pairs: int) -> tuple[list[float], list[float]]:
    taken: dict[Send, list[float]] = {old: [], young: []}
    for place in range(pairs):
        for send in (old, young) if place % 2 else (young, old):
            began = perf_counter()
            await send()
            taken[send].append(perf_counter() - began)
    return taken[old], taken[young]


def _creation(bus: Bus) -> Send:
    chance = random.Random(YOUNG)

    async def send() -> object:
        numbers = chance.sample(range(1, shop.PRODUCTS + 1), shop.LINES)
        lines = tuple(Line(product_id=shop.product_id(n), quantity=chance.randint(1, 5)) for n in numbers)
        return await bus.execute(
            _request(CreateOrder(user_id=shop.user_id(chance.randint(1, shop.USERS)), items=lines))
        )

    return send


def _change(bus: Bus, orders: list[UUID]) -> Send:
    """Return what changes one order after the other, and the first again after the last, each time to one more."""
    wanted = ((order, 2 + place // len(orders)) for order, place in zip(cycle(orders), count(), strict=False))

    async def send() -> object:
        order, quantity = next(wanted)
        return await bus.execute(
            _request(ChangeOrderItemQuantity(order_id=order, product_id=aged.CHANGED, quantity=quantity))
        )

    return send


def _request(command: Command) -> Request:
    return Request(command=command, actor=_STAFF, idempotency_key=str(uuid4()))


def _pairs(plan: Plan) -> int:
    return round(_PAIRS_A_SECOND * plan.seconds)
