"""The runner over real stores: whatever happens, the read tables are the fold of the log up to their checkpoints."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event as Flag
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, event, text

import projections.database
from api.settings import Settings
from domain.commands import PayOrder, ShipOrder
from domain.event_log import PARTITIONS, partition_of_product, partition_of_user
from projections.catalogue import projections as all_projections
from projections.checkpoints import CheckpointMovedError
from projections.progress import Progress
from projections.projection import Projection
from projections.runner import Runner
from projections.views import products_view, user_orders_view, users_view
from tests.support import tables
from tests.support.recording import statements
from tests.support.shop import Shop, id_in


def runner(
    log: Engine,
    read: Engine,
    *projections: Projection,
    batch: int = 1000,
    published: list[Progress] | None = None,
) -> Runner:
    publish = (published if published is not None else []).extend
    return Runner(log=log, read=read, projections=projections or all_projections(), publish=publish, batch=batch)


def drain_all(wanted: Runner) -> None:
    for partition in range(PARTITIONS):
        assert wanted.drain(partition, seconds=60)


async def trade(shop: Shop, *, users: int = 3, orders: int = 4) -> None:
    """Write events of every kind that there is, in several partitions."""
    products = [await shop.product(price="9.99", stock=1000), await shop.product(price="0.50")]

    async def one() -> None:
        user = await shop.user()
        for number in range(orders):
            order_id = await shop.order(user, *products[: 1 + number % 2], quantity=1 + number)
            if number % 2:
                await shop.give(PayOrder(order_id=order_id, payment_reference=f"pi_{number}"))
            if number % 4 == 3:
                await shop.give(ShipOrder(order_id=order_id, carrier="DHL", tracking_number="1Z"))

    await asyncio.gather(*(one() for _ in range(users)))


def level(log: Engine) -> dict[str, dict[int, int]]:
    """Return the checkpoints of projections that have applied the whole log."""
    return {projection.name: tables.heads(log) for projection in all_projections()}


class TestTwoRunnersAtOnce:
    async def test_apply_every_event_once_while_more_come_in(
        self, fresh_shop: Shop, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        published: list[list[Progress]] = [[], []]
        written = Flag()

        def work(mine: list[Progress]) -> None:
            working = runner(log, read, batch=5, published=mine)
            while not written.is_set():
                drain_all(working)

        with ThreadPoolExecutor(2) as threads:
            running = [threads.submit(work, mine) for mine in published]
            await trade(fresh_shop, users=12, orders=8)
            written.set()
            for each in running:
                await asyncio.wrap_future(each)
        drain_all(runner(log, read, published=published[0]))

        assert tables.read_tables(fresh.read.database_url) == tables.folded(log)
        assert tables.checkpoints(fresh.read.database_url) == level(log)
        steps = [(step.projection, step.partition, step.position) for mine in published for step in mine]
        assert len(steps) == len(set(steps))
        assert all(published), "one runner was left without work: this shows nothing"

    async def test_leave_a_projection_to_the_one_that_holds_its_checkpoint(
        self, fresh_shop: Shop, log: Engine, read: Engine
    ) -> None:
        partition = partition_of_user(await fresh_shop.user())
        published: list[Progress] = []
        with read.begin() as holder:
            holder.execute(text("select from checkpoints where projection = 'users_view' for update"))
            assert runner(log, read, published=published).drain(partition, seconds=10)
        assert [step.projection for step in published] == ["products_view", "user_orders_view"]


class TestDrain:
    async def test_says_when_time_was_over_before_it_was_level(
        self, fresh_shop: Shop, log: Engine, read: Engine, fresh: Settings
    ) -> None:
        user = id_in(7)
        await fresh_shop.user(user)
        await fresh_shop.order(user, await fresh_shop.product())
        working = runner(log, read, batch=1)
        assert not working.drain(7, seconds=0)
        assert {reached[7] for reached in tables.checkpoints(fresh.read.database_url).values()} == {1}
        assert working.drain(7, seconds=60)
        assert {reached[7] for reached in tables.checkpoints(fresh.read.database_url).values()} == {2}

    def test_of_an_empty_partition_is_done_at_once(self, log: Engine, read: Engine, fresh: Settings) -> None:
        assert runner(log, read).drain(7, seconds=0)
        assert tables.checkpoints(fresh.read.database_url) == level(log)

    async def test_publishes_what_is_committed_and_how_far(self, fresh_shop: Shop, log: Engine, read: Engine) -> None:
        user = id_in(7)
        await fresh_shop.user(user)
        await fresh_shop.paid_order(user, await fresh_shop.product())
        published: list[Progress] = []
        runner(log, read, users_view.PROJECTION, batch=2, published=published).drain(7, seconds=60)
        assert published == [
            Progress(projection="users_view", partition=7, position=2),
            Progress(projection="users_view", partition=7, position=3),
        ]


class TestBatches:
    async def test_of_any_size_lead_to_equal_tables(
        self, fresh_shop: Shop, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        await trade(fresh_shop)
        truth = tables.folded(log)
        assert sum(len(rows) for rows in truth.values()) == 2 + 3 + 12
        for batch in (1, 2, 3, 1000):
            begin_again(read)
            drain_all(runner(log, read, batch=batch))
            assert tables.read_tables(fresh.read.database_url) == truth, f"batches of {batch}"


class TestARunnerThatDies:
    """Rows and checkpoint stand and fall together."""

    async def test_in_a_fold_leaves_what_the_last_batch_had_committed(
        self, fresh_shop: Shop, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        user, product = id_in(7), await fresh_shop.product()
        await fresh_shop.user(user)
        first, second = [await fresh_shop.order(user, product) for _ in range(2)]
        working = user_orders_view.PROJECTION
        dying = replace(working, fold=raising_at(3, working.fold))
        await fresh_shop.give(PayOrder(order_id=first, payment_reference="pi_1"))

        with pytest.raises(DiedError):
            runner(log, read, dying, batch=2).drain(7, seconds=60)
        assert tables.checkpoints(fresh.read.database_url)["user_orders_view"] == {7: 2}
        assert orders(fresh) == {str(first): ("pending", 2)}

        assert runner(log, read, working).drain(7, seconds=60)
        assert tables.checkpoints(fresh.read.database_url)["user_orders_view"] == {7: 4}
        assert orders(fresh) == {str(first): ("paid", 4), str(second): ("pending", 3)}

    async def test_after_the_rows_were_written_leaves_neither_rows_nor_checkpoint(
        self, fresh_shop: Shop, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        product = await fresh_shop.product()
        dying = replace(products_view.PROJECTION, add=raising_at(1, lambda _: ()))
        with statements(read) as sent, pytest.raises(DiedError):
            runner(log, read, dying).drain(partition_of_product(product), seconds=60)
        assert any("insert into products_view" in statement for statement in sent)
        assert tables.read_tables(fresh.read.database_url)["products_view"] == {}
        assert tables.checkpoints(fresh.read.database_url)["products_view"] == {}

    async def test_before_it_could_publish_has_committed(
        self, fresh_shop: Shop, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        await fresh_shop.user(id_in(7))

        def die(_: Sequence[Progress]) -> None:
            raise DiedError

        dying = Runner(log=log, read=read, projections=[users_view.PROJECTION], publish=die)
        with pytest.raises(DiedError):
            dying.drain(7, seconds=60)
        assert tables.checkpoints(fresh.read.database_url)["users_view"] == {7: 1}
        assert tables.read_tables(fresh.read.database_url)["users_view"] == tables.folded(log)["users_view"]


class TestACheckpoint:
    async def test_that_is_not_where_it_was_read_undoes_the_batch(
        self, fresh_shop: Shop, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        await fresh_shop.user(id_in(7))

        @event.listens_for(read, "after_cursor_execute")
        def move_it(connection: Any, _cursor: object, statement: str, *_: object) -> None:
            if "for update skip locked" in statement:
                connection.exec_driver_sql("update checkpoints set position = 5 where partition = 7")

        with pytest.raises(
            CheckpointMovedError, match=r"partition 7 are no longer where they were: {'users_view': \(0, 1\)}"
        ):
            runner(log, read, users_view.PROJECTION).drain(7, seconds=60)
        assert tables.read_tables(fresh.read.database_url)["users_view"] == {}
        assert tables.checkpoints(fresh.read.database_url)["users_view"] == {}


class TestAnAddition:
    async def test_that_comes_before_its_product_is_hidden_until_then_and_kept(
        self, fresh_shop: Shop, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        user, product = await fresh_shop.user(), await fresh_shop.product(price="9.99", stock=10)
        await fresh_shop.order(user, product, quantity=3)
        working = runner(log, read)
        working.drain(partition_of_user(user), seconds=60)
        counted = tables.read_tables(fresh.read.database_url)["products_view"][str(product)]
        assert (counted["units_sold"], counted["revenue"], counted["name"]) == (3, "29.97", None)
        assert shown(read, product) == []

        working.drain(partition_of_product(product), seconds=60)
        assert shown(read, product) == [(product, "Tea", 3)]
        assert tables.read_tables(fresh.read.database_url) == tables.folded(log)


class TestAProjectionAddedLater:
    async def test_starts_at_the_beginning_of_the_log(
        self, fresh_shop: Shop, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        await trade(fresh_shop)
        with read.begin() as connection:  # a read store of before users_view was added
            connection.execute(text("delete from checkpoints where projection = 'users_view'"))
        drain_all(runner(log, read))
        assert tables.read_tables(fresh.read.database_url)["users_view"] == {}

        assert projections.database.migrate(fresh.read.database_url) == []
        drain_all(runner(log, read))
        assert tables.read_tables(fresh.read.database_url) == tables.folded(log)
        assert tables.checkpoints(fresh.read.database_url) == level(log)


class DiedError(Exception):
    pass


def raising_at(time: int, otherwise: Any) -> Any:
    calls = iter(range(1, time + 1))

    def call(*arguments: Any) -> Any:
        if next(calls) == time:
            raise DiedError
        return otherwise(*arguments)

    return call


def begin_again(read: Engine) -> None:
    with read.begin() as connection:
        connection.execute(text(f"truncate {', '.join(projection.name for projection in all_projections())}"))
        connection.execute(text("update checkpoints set position = 0"))


def orders(fresh: Settings) -> dict[str, tuple[str, int]]:
    rows = tables.read_tables(fresh.read.database_url)["user_orders_view"]
    return {key: (row["status"], row["log_position"]) for key, row in rows.items()}


def shown(read: Engine, product: UUID) -> Sequence[Any]:
    with read.connect() as connection:
        return [(row.product_id, row.name, row.units_sold) for row in connection.execute(products_view.by_id(product))]
