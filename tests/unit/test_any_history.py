"""Whatever is tried with orders, in whatever order: what must hold of them holds, and every view tells the same."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.events import Event, Fact, OrderRefunded
from domain.lifecycle import TRANSITIONS, Action, Status
from domain.order import MOST_LINES, Line, OrderState
from projections.projection import Projection, Row
from projections.views import daily_sales_view, products_view, user_orders_view, users_view
from tests.support import facts
from tests.support.world import STARTS_WITH, Step, World, product_id

PRODUCTS = 6
NOT_PAID_FOR = {Status.CANCELLED, Status.REFUNDED}
OF_ORDERS = {type(fact) for fact in facts.ALL if type(fact).__name__.startswith("Order")}

cents = st.sampled_from([0, 1, 5, 333, 999, 5_000]).map(lambda amount: Decimal(amount).scaleb(-2))
lines = st.builds(
    Line,
    product_id=st.integers(0, PRODUCTS).map(product_id),  # the last of them does not exist
    quantity=st.sampled_from([1, 2, 3, 4, 5, 8, 20, 0, 10_001]),
    unit_price=st.none() | cents,
)
baskets = st.lists(lines, min_size=1, max_size=4, unique_by=lambda line: line.product_id).map(tuple)
# Steps that lead on are tried more often, so that orders come to their ends too.
actions = st.sampled_from([None, *Action, Action.PAY, Action.SHIP, Action.DELIVER])
steps = st.builds(Step, action=actions, which=st.sampled_from([0, 0, 1, 2]), lines=baskets, own=st.booleans())
restocks = st.tuples(st.integers(0, PRODUCTS - 1).map(product_id), st.integers(-40, 40))
prices = st.lists(cents, min_size=PRODUCTS, max_size=PRODUCTS)
histories = st.lists(st.one_of(steps, steps, steps, steps, restocks), min_size=10, max_size=40)


def lived(at: list[Decimal], history: Iterable[Step | tuple[UUID, int]]) -> World:
    world = World(at)
    for step in history:
        if isinstance(step, Step):
            world.attempt(step)
        else:
            world.restock(*step)
    return world


def table(projection: Projection, events: Iterable[Event]) -> dict[UUID, Row]:
    """Fold events into a read table, its counters at zero before the first addition."""
    rows: dict[UUID, Row] = {}
    for event in events:
        key = projection.key(event)
        if key is not None and (row := projection.fold(rows.get(key), event)) is not None:
            rows[key] = row
    zeros, counted = dict.fromkeys(projection.counters, 0), additions(projection, events)
    return {key: zeros | row | counted.get((key,), {}) for key, row in rows.items()}


def additions(projection: Projection, events: Iterable[Event]) -> dict[tuple[Any, ...], Counter[str]]:
    """Return what events add to the counters of each row."""
    counted: dict[tuple[Any, ...], Counter[str]] = {}
    for event in events:
        for added_to, amounts in projection.add(event):
            counted.setdefault(added_to, Counter()).update(amounts)
    return counted


def days_apart(events: Iterable[Event]) -> list[Event]:
    """Return the events some hours apart, so that an order's life takes days."""
    return [replace(event, at=facts.START + timedelta(hours=7 * number)) for number, event in enumerate(events)]


def every_history(holds: Callable[[World], None]) -> set[type[Fact]]:
    """Check what must hold of many histories; return the kinds of facts that there were."""
    seen: set[type[Fact]] = set()

    @settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
    @given(prices, histories)
    def check(at: list[Decimal], history: list[Step | tuple[UUID, int]]) -> None:
        world = lived(at, history)
        seen.update(type(event.fact) for event in world.events)
        holds(world)

    check()
    return seen


class TestAnOrder:
    def test_keeps_what_must_hold_of_it(self) -> None:
        def holds(world: World) -> None:
            for order in world.orders:
                assert order.total == sum(item.unit_price * item.quantity for item in order.lines)
                assert order.total > 0
                assert order.version == len(world.history(order.order_id))
                assert 1 <= len(order.lines) <= MOST_LINES
                assert len({item.product_id for item in order.lines}) == len(order.lines)
                assert all(1 <= item.quantity <= 10_000 for item in order.lines)
            assert all(world.stock(product_id(number)) >= 0 for number in range(PRODUCTS))

        assert every_history(holds) >= OF_ORDERS

    def test_only_moves_as_the_lifecycle_says(self) -> None:
        def holds(world: World) -> None:
            assert all(TRANSITIONS[action][before] is after for before, action, after in world.moves)

        assert every_history(holds) >= OF_ORDERS

    @settings(max_examples=40)
    @given(
        st.sampled_from([1, 2, 199, 200]), st.lists(st.sampled_from([Action.ADD_ITEM, Action.REMOVE_ITEM]), max_size=6)
    )
    def test_has_1_to_200_lines_whatever_is_added_and_removed(self, first: int, tried: list[Action]) -> None:
        world = World([Decimal("0.01")] * (MOST_LINES + len(tried)))
        some = [Line(product_id=product_id(number), quantity=1) for number in range(MOST_LINES + len(tried))]
        world.attempt(Step(action=None, which=0, lines=tuple(some[:first])))
        expected = first
        for action in tried:
            before = world.orders[0].lines
            has = {item.product_id for item in before}
            line = next(each for each in some if (each.product_id in has) is (action is Action.REMOVE_ITEM))
            refusal = world.attempt(Step(action=action, which=0, lines=(line,)))
            wanted = len(before) + (1 if action is Action.ADD_ITEM else -1)
            expected = wanted if 1 <= wanted <= MOST_LINES else len(before)
            assert (refusal is None) == (expected == wanted)
            assert len(world.orders[0].lines) == expected


class TestTheViews:
    def test_show_every_order_as_the_rules_left_it(self) -> None:
        def holds(world: World) -> None:
            shown = table(user_orders_view.PROJECTION, world.events)
            assert {key: gist(row) for key, row in shown.items()} == {
                order.order_id: expected(order) for order in world.orders
            }
            for order in world.orders:
                timeline = shown[order.order_id]["timeline"]
                assert [(entry["version"], entry["type"]) for entry in timeline] == [
                    (event.version, type(event.fact).__name__) for event in world.history(order.order_id)
                ]

        assert every_history(holds) >= OF_ORDERS

    def test_show_what_a_user_spent_on_orders_that_stand(self) -> None:
        def holds(world: World) -> None:
            user = table(users_view.PROJECTION, world.events)[facts.USER_ID]
            spent = sum((order.total for order in world.orders if order.status not in NOT_PAID_FOR), Decimal(0))
            assert (user["order_count"], user["total_spent"]) == (len(world.orders), spent)

        assert every_history(holds) >= OF_ORDERS

    def test_show_the_stock_as_it_is_and_what_was_earned(self) -> None:
        kept_after_a_refund = Counter[bool]()

        def holds(world: World) -> None:
            shown = table(products_view.PROJECTION, world.events)
            for number in range(PRODUCTS):
                wanted = product_id(number)
                row = shown[wanted]
                assert row["stocked"] == STARTS_WITH + world.restocked[wanted]
                assert row["stocked"] - row["units_sold"] == world.stock(wanted)
                assert row["units_sold"] == world.out[wanted]
                assert row["revenue"] == sum(
                    item.total
                    for order in world.orders
                    if order.status not in NOT_PAID_FOR
                    for item in order.lines
                    if item.product_id == wanted
                )
            kept_after_a_refund.update(
                not event.fact.restocked for event in world.events if isinstance(event.fact, OrderRefunded)
            )

        assert every_history(holds) >= OF_ORDERS
        assert kept_after_a_refund.keys() == {True, False}, "refunds before and after shipping were both to be tried"

    def test_show_days_that_add_up_to_the_orders_that_stand(self) -> None:
        most_days = 0

        def holds(world: World) -> None:
            nonlocal most_days
            days = additions(daily_sales_view.PROJECTION, days_apart(world.events))
            most_days = max(most_days, len(days))
            sums = {name: sum(day[name] for day in days.values()) for name in daily_sales_view.PROJECTION.counters}
            standing = [order for order in world.orders if order.status not in NOT_PAID_FOR]
            user = table(users_view.PROJECTION, world.events)[facts.USER_ID]
            assert sums == {
                "order_count": user["order_count"],
                "cancelled_count": sum(order.status is Status.CANCELLED for order in world.orders),
                "refunded_count": sum(order.status is Status.REFUNDED for order in world.orders),
                "unit_count": sum(world.out.values()),
                "revenue": user["total_spent"],
            }
            assert sums["order_count"] - sums["cancelled_count"] - sums["refunded_count"] == len(standing)
            assert sums["revenue"] == sum(order.total for order in standing)
            assert {currency for _, currency in days} <= {"USD"}

        assert every_history(holds) >= OF_ORDERS
        assert most_days > 3, "histories were to take several days"

    def test_tell_the_totals_that_the_facts_tell(self) -> None:
        def holds(world: World) -> None:
            for event in world.events:
                if hasattr(event.fact, "total"):
                    until = [each for each in world.history(event.stream_id) if each.version <= event.version]
                    row = table(user_orders_view.PROJECTION, until)[event.stream_id]
                    assert event.fact.total == row["total"] == sum(Decimal(item["line_total"]) for item in row["items"])

        assert every_history(holds) >= OF_ORDERS


def gist(row: Row) -> dict[str, object]:
    return {
        "items": [
            (item["product_id"], item["name"], item["quantity"], item["unit_price"], item["line_total"])
            for item in row["items"]
        ],
        **{name: row[name] for name in ("total", "status", "version", "item_count", "item_names")},
    }


def expected(order: OrderState) -> dict[str, object]:
    return {
        "items": [
            (str(item.product_id), item.name, item.quantity, str(item.unit_price), str(item.total))
            for item in order.lines
        ],
        "total": order.total,
        "status": order.status,
        "version": order.version,
        "item_count": len(order.lines),
        "item_names": ", ".join(item.name for item in order.lines),
    }
