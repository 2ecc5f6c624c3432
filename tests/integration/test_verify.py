"""A verification finds what was broken on purpose, all of it and nothing else, also while events come in."""

import asyncio
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Engine

from api.settings import Settings
from domain.commands import (
    AddOrderItem,
    CancelOrder,
    PayOrder,
    RefundOrder,
    RenameProduct,
    RenameUser,
    RestockProduct,
    ShipOrder,
)
from domain.database import log_engine
from domain.event_log import partition_of_product, partition_of_user
from domain.order import Line
from domain.stretches import GapError
from projections.catalogue import projections
from projections.checkpoints import MixedUpError
from projections.database import patient_engine
from projections.findings import A_ROW, NO_ROW, Difference, Findings
from projections.retry import retry
from projections.verify import verify
from projections.views import user_orders_view
from tests.support import databases
from tests.support.projecting import drained, rewrite
from tests.support.shop import Shop, id_in


@pytest.fixture
async def shop(fresh_shop: Shop) -> Shop:
    return fresh_shop


class Stage:
    """Two users, three products and five orders in several states, projected."""

    def __init__(self, shop: Shop, fresh: Settings, log: Engine, read: Engine) -> None:
        self.shop, self.fresh, self.log, self.read = shop, fresh, log, read
        self.patient = patient_engine(fresh.read.database_url)

    async def trade(self) -> None:
        self.ada, self.bob = id_in(7), id_in(8)
        await self.shop.user(self.ada)
        await self.shop.user(self.bob)
        self.tea = await self.shop.product(price="9.99", stock=1000)
        self.mug = await self.shop.product(price="0.50", stock=50)
        self.pot = await self.shop.product(price="3.00")
        self.paid = await self.shop.paid_order(self.ada, self.tea, self.mug)
        self.pending = await self.shop.order(self.ada, self.tea, self.pot, quantity=2)
        self.shipped = await self.shop.shipped_order(self.bob, self.mug)
        cancelled = await self.shop.order(self.bob, self.tea)
        refunded = await self.shop.paid_order(self.bob, self.mug, self.pot)
        for command in (
            AddOrderItem(order_id=self.pending, item=Line(product_id=self.mug, quantity=3)),
            CancelOrder(order_id=cancelled, reason="late"),
            RefundOrder(order_id=refunded, reason="broken"),
            RenameUser(user_id=self.ada, name="Ada Lovelace"),
            RenameProduct(product_id=self.tea, name="Tea, black"),
            RestockProduct(product_id=self.mug, quantity=-7),
        ):
            await self.shop.give(command)
        assert drained(self.log, self.read)

    def found(self, partitions: Iterable[int] = range(64)) -> dict[str, Findings]:
        found = verify(projections(), log=self.log, read=self.patient, partitions=list(partitions))
        return {each.projection: each for each in found}

    def differences(self, partitions: Iterable[int] = range(64)) -> list[Difference]:
        return [difference for each in self.found(partitions).values() for difference in each.examples]

    def read_sql(self, statement: str, *values: Any) -> None:
        with psycopg.connect(self.fresh.read.database_url) as connection:
            assert connection.execute(statement.encode(), values).rowcount == 1

    def write_sql(self, statement: str, *values: Any) -> None:
        with psycopg.connect(self.fresh.write.database_url) as connection:
            assert connection.execute(statement.encode(), values).rowcount == 1


@pytest.fixture
async def stage(shop: Shop, fresh: Settings, log: Engine, read: Engine) -> Stage:
    found = Stage(shop, fresh, log, read)
    await found.trade()
    return found


def differs(table: str, key: UUID, column: str | None, found: Any, expected: Any) -> Difference:
    return Difference(table=table, key=key, column=column, found=found, expected=expected)


class TestRowsAsTheyShouldBe:
    async def test_are_all_compared_and_none_differs(self, stage: Stage) -> None:
        assert stage.found() == {
            "daily_sales_view": Findings(projection="daily_sales_view", rows=1),
            "products_view": Findings(projection="products_view", rows=3),
            "user_orders_view": Findings(projection="user_orders_view", rows=5),
            "users_view": Findings(projection="users_view", rows=2),
        }

    async def test_are_compared_up_to_where_their_projection_is(self, stage: Stage) -> None:
        await stage.shop.order(stage.ada, stage.tea)
        await stage.shop.give(ShipOrder(order_id=stage.paid, carrier="DHL", tracking_number="1Z"))
        await stage.shop.give(RenameUser(user_id=stage.bob, name="Robert"))
        assert stage.found() == {
            "daily_sales_view": Findings(projection="daily_sales_view", rows=1),
            "products_view": Findings(projection="products_view", rows=3, moved_on=1),
            "user_orders_view": Findings(projection="user_orders_view", rows=5, moved_on=1),
            "users_view": Findings(projection="users_view", rows=2, moved_on=1),
        }

    async def test_do_not_differ_while_events_come_in(self, stage: Stage) -> None:
        done = asyncio.Event()

        async def trade() -> None:
            while not done.is_set():
                order_id = await stage.shop.order(stage.ada, stage.tea, stage.mug)
                await stage.shop.give(PayOrder(order_id=order_id, payment_reference="pi_1"))
                await stage.shop.give(RestockProduct(product_id=stage.mug, quantity=1))
                await asyncio.to_thread(drained, stage.log, stage.read)

        trading = asyncio.create_task(trade())
        counted = set()
        for _ in range(4):
            found = await asyncio.to_thread(stage.found)
            assert {name: each.examples for name, each in found.items()} == {name: [] for name in found}
            counted.add(found["user_orders_view"].rows)
        done.set()
        await trading
        assert len(counted) > 1, "nothing came in: this shows nothing"


class TestARowThatIsBroken:
    async def test_in_one_column_is_listed_with_what_it_should_be(self, stage: Stage) -> None:
        stage.read_sql("update user_orders_view set total = 1 where order_id = %s", stage.paid)
        assert stage.differences() == [differs("user_orders_view", stage.paid, "total", Decimal(1), Decimal("10.49"))]

    async def test_in_its_json_is_listed(self, stage: Stage) -> None:
        stage.read_sql("update user_orders_view set items = items - 0 where order_id = %s", stage.paid)
        [difference] = stage.differences()
        assert (difference.key, difference.column) == (stage.paid, "items")
        assert [item["quantity"] for item in difference.found] == [1]
        assert [item["quantity"] for item in difference.expected] == [1, 1]

    async def test_because_it_was_deleted_is_listed(self, stage: Stage) -> None:
        stage.read_sql("delete from users_view where user_id = %s", stage.ada)
        assert stage.differences() == [differs("users_view", stage.ada, None, NO_ROW, A_ROW)]

    async def test_because_it_is_there_once_too_often_is_listed(self, stage: Stage) -> None:
        extra = uuid4()
        stage.read_sql(
            """
            insert into user_orders_view
            select (jsonb_populate_record(o, jsonb_build_object('order_id', %s::text))).* from user_orders_view o
            where order_id = %s
            """,
            str(extra),
            stage.paid,
        )
        stage.read_sql("insert into products_view (product_id) values (%s)", extra)
        assert stage.differences() == [
            differs("products_view", extra, None, A_ROW, NO_ROW),
            differs("user_orders_view", extra, None, A_ROW, NO_ROW),
        ]

    async def test_in_a_counter_is_listed_once(self, stage: Stage) -> None:
        stage.read_sql("update products_view set units_sold = units_sold + 1 where product_id = %s", stage.mug)
        [difference] = stage.differences()
        assert difference == differs("products_view", stage.mug, "units_sold", 6, 5)

    async def test_in_the_write_store_is_listed(self, stage: Stage) -> None:
        stage.write_sql("update orders set status = 'delivered' where id = %s", stage.paid)
        stage.write_sql("update users set name = 'Eve' where id = %s", stage.bob)
        stage.write_sql("update products set stock = stock - 1 where id = %s", stage.mug)
        assert stage.differences() == [
            differs("products", stage.mug, "stock", 37, 38),
            differs("orders", stage.paid, "status", "delivered", "paid"),
            differs("users", stage.bob, "name", "Eve", "Ada"),
        ]

    async def test_because_the_write_store_is_behind_it_is_listed(self, stage: Stage) -> None:
        stage.write_sql("update orders set version = 1 where id = %s", stage.paid)
        assert stage.differences() == [differs("orders", stage.paid, "version", 1, 2)]

    async def test_because_the_write_store_does_not_have_it_is_listed(self, stage: Stage) -> None:
        stage.write_sql("update orders set id = gen_random_uuid() where id = %s", await self.order_without_lines(stage))
        [difference] = stage.differences()
        assert (difference.table, difference.found, difference.expected) == ("orders", NO_ROW, A_ROW)

    @staticmethod
    async def order_without_lines(stage: Stage) -> UUID:
        with psycopg.connect(stage.fresh.write.database_url) as connection:
            connection.execute("delete from order_items where order_id = %s", (stage.paid,))
        return stage.paid

    async def test_is_one_of_many_of_which_some_are_told_and_all_are_counted(self, stage: Stage) -> None:
        for _ in range(25):
            await stage.shop.order(stage.ada, stage.pot)
        assert drained(stage.log, stage.read)
        with psycopg.connect(stage.fresh.read.database_url) as connection:
            connection.execute("update user_orders_view set number = '0', stale = true")
        found = stage.found()["user_orders_view"]
        assert found.counts == {("user_orders_view", "number"): 30, ("user_orders_view", "stale"): 30}
        assert (found.differences, len(found.examples)) == (60, 20)


class TestAStreamInQuarantine:
    async def test_is_told_and_no_difference(self, stage: Stage) -> None:
        said = rewrite(stage.fresh.write.database_url, await self.poisoned(stage), 2, {})
        assert drained(stage.log, stage.read)
        found = stage.found()
        assert [(name, each.behind, each.examples) for name, each in found.items()] == [
            ("daily_sales_view", 0, []),
            ("products_view", 0, []),
            ("user_orders_view", 1, []),
            ("users_view", 0, []),
        ]
        assert {name: each.rows for name, each in found.items()} == {
            "daily_sales_view": 1,
            "products_view": 3,
            "user_orders_view": 6,
            "users_view": 2,
        }
        rewrite(stage.fresh.write.database_url, self.order, 2, said)
        for projection in projections():
            retry(projection, log=stage.log, read=stage.read)
        assert [(each.behind, each.differences) for each in stage.found().values()] == [(0, 0)] * 4

    async def test_does_not_hide_that_its_row_differs_otherwise(self, stage: Stage) -> None:
        rewrite(stage.fresh.write.database_url, await self.poisoned(stage), 2, {})
        assert drained(stage.log, stage.read)
        stage.read_sql("update user_orders_view set currency = 'XXX' where order_id = %s", self.order)
        assert stage.differences() == [differs("user_orders_view", self.order, "currency", "XXX", "USD")]

    async def poisoned(self, stage: Stage) -> UUID:
        self.order = await stage.shop.order(stage.ada, stage.tea)
        await stage.shop.give(AddOrderItem(order_id=self.order, item=Line(product_id=stage.pot, quantity=2)))
        await stage.shop.give(RenameUser(user_id=stage.ada, name="Countess"))
        return self.order


class TestASample:
    async def test_compares_its_partitions_and_leaves_out_what_takes_all(self, stage: Stage) -> None:
        stage.read_sql("update user_orders_view set total = 1 where order_id = %s", stage.paid)
        stage.read_sql("update user_orders_view set total = 1 where order_id = %s", stage.shipped)
        stage.read_sql("update products_view set units_sold = 0 where product_id = %s", stage.mug)
        stage.read_sql("insert into products_view (product_id) values (%s)", uuid4())
        wanted = [partition_of_user(stage.bob), partition_of_product(stage.mug)]
        assert [(each.key, each.column) for each in stage.differences(wanted)] == [(stage.shipped, "total")]
        assert stage.found(wanted)["users_view"].rows == 1


class TestALogThatIsBroken:
    async def test_in_an_event_that_was_applied_is_listed(self, stage: Stage) -> None:
        rewrite(stage.fresh.write.database_url, stage.paid, 2, {"garbage": True})
        broken = [each for each in stage.differences() if each.table == "events"]
        assert [(each.key, each.expected) for each in broken] == [(stage.paid, "a fact that can be folded")] * 4
        assert all(each.found.startswith("unreadable: ") for each in broken)

    async def test_by_a_gap_is_not_compared(self, stage: Stage) -> None:
        stage.write_sql("delete from events where stream_id = %s and version = 1", stage.paid)
        with pytest.raises(GapError, match="partition 7 of the log lacks an event"):
            stage.found()

    async def test_as_it_is_another_one_is_not_compared(self, stage: Stage, settings: Settings) -> None:
        with databases.fresh(settings) as other:
            another = log_engine(other.write.database_url)
            with pytest.raises(MixedUpError, match="its rows come from another log than this one"):
                verify([user_orders_view.PROJECTION], log=another, read=stage.patient)
            another.dispose()
