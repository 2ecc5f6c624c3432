"""The runner over real stores: whatever happens, the read tables are the fold of the log up to their checkpoints."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from threading import Barrier, BrokenBarrierError
from threading import Event as Flag
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

import projections.database
from api.settings import Settings
from domain.commands import (
    AddOrderItem,
    CancelOrder,
    ChangeOrderItemQuantity,
    ChangeProductPrice,
    ChangeUserEmail,
    Command,
    DeliverOrder,
    PayOrder,
    RefundOrder,
    RemoveOrderItem,
    RenameProduct,
    RenameUser,
    RestockProduct,
    RetireProduct,
    ShipOrder,
)
from domain.errors import InvalidTransition
from domain.event_log import PARTITIONS, partition_of_product, partition_of_user
from domain.events import FACTS, OrderCreated
from domain.order import Line
from projections.catalogue import projections as all_projections
from projections.checkpoints import CheckpointMovedError
from projections.progress import Progress
from projections.projection import Projection
from projections.runner import Runner
from projections.views import products_view, user_orders_view, users_view
from tests.support import tables
from tests.support.recording import statements
from tests.support.shop import Shop, email, id_in


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
    spare = await shop.product(price="3.00", stock=1000)

    async def one(who: int) -> None:
        user = await shop.user()
        for number in range(orders):
            order_id = await shop.order(user, *products[: 1 + number % 2], quantity=1 + number)
            for command in lives(order_id, products[0], spare)[(who + number) % 6]:
                await shop.give(command)
            if number == 1:
                await shop.give(RenameUser(user_id=user, name=f"Ada {who}"))
            if number == 2:
                await shop.give(ChangeUserEmail(user_id=user, email=email()))

    async def restock() -> None:
        for command in (
            RenameProduct(product_id=spare, name="Pot"),
            ChangeProductPrice(product_id=products[1], price=Decimal("0.75")),
            RestockProduct(product_id=products[0], quantity=-7),
            RetireProduct(product_id=await shop.product()),
        ):
            await shop.give(command)

    await asyncio.gather(*(one(who) for who in range(users)), restock())


def lives(order_id: UUID, product: UUID, spare: UUID) -> list[list[Command]]:
    """Return six ways in which an order may go."""
    pay = PayOrder(order_id=order_id, payment_reference="pi_1")
    ship = ShipOrder(order_id=order_id, carrier="DHL", tracking_number="1Z")
    deliver = DeliverOrder(order_id=order_id)
    refund = RefundOrder(order_id=order_id, reason="never arrived")
    add = AddOrderItem(order_id=order_id, item=Line(product_id=spare, quantity=2))
    return [
        [add, ChangeOrderItemQuantity(order_id=order_id, product_id=product, quantity=9), pay, ship],
        [pay, ship, deliver],
        [add, CancelOrder(order_id=order_id, reason="changed my mind")],
        [pay, refund],
        [add, RemoveOrderItem(order_id=order_id, product_id=product)],
        [pay, ship, deliver, refund],
    ]


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
        assert {step.projection for step in published} == {
            projection.name for projection in all_projections() if projection is not users_view.PROJECTION
        }


class TestTwoBatches:
    async def test_that_change_what_the_other_adds_to_wait_for_each_other_in_one_order(
        self, fresh_shop: Shop, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        products = [await fresh_shop.product(product_id=id_in(of, partition_of_product)) for of in (50, 51)]
        buyers = [await fresh_shop.user(id_in(of)) for of in (7, 8)]
        drain_all(runner(log, read))
        for product, buyer, other in zip(products, buyers, reversed(products), strict=True):
            await fresh_shop.give(RenameProduct(product_id=product, name="Tea, black"))
            await fresh_shop.order(buyer, other)

        both_have_changed = Barrier(2)

        def wait_for_the_other(statement: str) -> None:
            if "units_sold = products_view.units_sold +" in statement:
                with suppress(BrokenBarrierError):  # the other one waits for us already
                    both_have_changed.wait(1)

        def drain(*partitions: int) -> bool:
            return runner(log, read, products_view.PROJECTION).drain(*partitions, seconds=60)

        with statements(read, before=wait_for_the_other), ThreadPoolExecutor(2) as threads:  # a deadlock is raised
            assert list(threads.map(drain, (7, 8), (50, 51))) == [True, True]
        drain_all(runner(log, read))
        assert tables.read_tables(fresh.read.database_url) == tables.folded(log)


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
        days = len(truth["daily_sales_view"])  # two, if it has just been midnight
        assert days >= 1
        assert {name: len(rows) for name, rows in truth.items()} == {
            "daily_sales_view": days,
            "products_view": 4,
            "user_orders_view": 12,
            "users_view": 3,
        }
        assert {type(event.fact) for event in tables.events(log)} == set(FACTS.values())
        for batch in (1, 2, 3, 1000):
            begin_again(read)
            drain_all(runner(log, read, batch=batch))
            assert tables.read_tables(fresh.read.database_url) == truth, f"batches of {batch}"


@dataclass(slots=True)
class Directory:
    """Users whose orders share a partition, and what every order ought to show of its user by now."""

    shop: Shop
    product: UUID
    users: list[UUID]
    names: dict[UUID, str] = field(default_factory=dict)
    emails: dict[UUID, str] = field(default_factory=dict)
    buyers: dict[str, UUID] = field(default_factory=dict)

    async def rename(self, who: int) -> None:
        user = self.users[who]
        self.names[user] = f"Ada {uuid4().hex}"
        await self.shop.give(RenameUser(user_id=user, name=self.names[user]))

    async def move(self, who: int) -> None:
        user = self.users[who]
        self.emails[user] = email()
        await self.shop.give(ChangeUserEmail(user_id=user, email=self.emails[user]))

    async def order(self, who: int) -> None:
        self.buyers[str(await self.shop.order(self.users[who], self.product))] = self.users[who]

    async def pay(self, who: int) -> None:
        """Pay the latest order of a user that has any."""
        if mine := [order_id for order_id, user in self.buyers.items() if user == self.users[who]]:
            with suppress(InvalidTransition):
                await self.shop.give(PayOrder(order_id=UUID(mine[-1]), payment_reference="pi_1"))

    def expected(self) -> dict[str, tuple[str, str]]:
        return {order_id: (self.names[user], self.emails[user]) for order_id, user in self.buyers.items()}


async def directory(shop: Shop, *, users: int) -> Directory:
    found = Directory(shop=shop, product=await shop.product(), users=[id_in(7) for _ in range(users)])
    for who, user in enumerate(found.users):
        await shop.user(user)
        await found.rename(who)
        await found.move(who)
    return found


def named(fresh: Settings) -> dict[str, tuple[str, str]]:
    rows = tables.read_tables(fresh.read.database_url)["user_orders_view"]
    return {key: (row["user_name"], row["user_email"]) for key, row in rows.items()}


class TestAnUpdate:
    """A user's new name and address reach all orders of that user, and nobody else's, wherever a batch ends."""

    @pytest.mark.parametrize(
        "story",
        [
            "rename order order",
            "order rename order",
            "order order rename",
            "order rename pay rename",
            "rename order move order rename pay",
        ],
    )
    async def test_before_between_and_after_orders_leads_to_equal_tables(
        self, story: str, fresh_shop: Shop, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        found = await directory(fresh_shop, users=2)
        await found.order(0)
        await found.order(1)
        for step in story.split():
            await getattr(found, step)(0)
        await found.order(1)
        self.assert_equal_in_batches(found, fresh, log, read)

    async def test_in_any_history_leads_to_equal_tables(
        self, fresh_shop: Shop, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        found, chance = await directory(fresh_shop, users=3), random.Random(1)
        for _ in range(80):
            step = chance.choice([found.rename, found.move, found.order, found.order, found.pay])
            await step(chance.randrange(3))
        self.assert_equal_in_batches(found, fresh, log, read)

    @staticmethod
    def assert_equal_in_batches(found: Directory, fresh: Settings, log: Engine, read: Engine) -> None:
        truth = tables.folded(log)
        for batch in (1, 2, 3, 1000):
            begin_again(read)
            drain_all(runner(log, read, batch=batch))
            assert named(fresh) == found.expected(), f"batches of {batch}"
            assert tables.read_tables(fresh.read.database_url) == truth, f"batches of {batch}"

    async def test_is_not_a_change_of_the_order_itself(
        self, fresh_shop: Shop, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        found = await directory(fresh_shop, users=1)
        await found.order(0)
        drain_all(runner(log, read))
        [before] = tables.read_tables(fresh.read.database_url)["user_orders_view"].values()
        await found.rename(0)
        drain_all(runner(log, read))
        [after] = tables.read_tables(fresh.read.database_url)["user_orders_view"].values()
        name, position = found.names[found.users[0]], before["log_position"] + 1
        assert after == before | {"user_name": name, "log_position": position}


class TestARenameAtTheSameTimeAsAnOrder:
    async def test_leaves_no_order_with_the_old_name(
        self, fresh_shop: Shop, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        product = await fresh_shop.product()

        async def round_of(number: int) -> None:
            user = await fresh_shop.user()
            both = [fresh_shop.give(RenameUser(user_id=user, name="Grace")), fresh_shop.order(user, product)]
            await asyncio.gather(*(both if number % 2 else both[::-1]))

        for first in range(0, 200, 8):
            await asyncio.gather(*(round_of(number) for number in range(first, first + 8)))
        told = {event.fact.user_name for event in tables.events(log) if isinstance(event.fact, OrderCreated)}
        assert told == {"Ada", "Grace"}, "orders were to come before and after the renames: this shows nothing"

        drain_all(runner(log, read))
        rows = tables.read_tables(fresh.read.database_url)["user_orders_view"].values()
        assert Counter(row["user_name"] for row in rows) == {"Grace": 200}
        assert tables.read_tables(fresh.read.database_url) == tables.folded(log)


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

        def die(_: object, statement: str) -> None:
            if "update checkpoints" in statement:
                raise DiedError

        with statements(read, after=die) as sent, pytest.raises(DiedError):
            runner(log, read, products_view.PROJECTION).drain(partition_of_product(product), seconds=60)
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

        def move_it(connection: Any, statement: str) -> None:
            if "for update of c skip locked" in statement:
                connection.execute("update checkpoints set position = 5 where partition = 7")

        moved = r"no longer where they were: \[Progress\(projection='users_view', partition=7, position=0"
        with statements(read, after=move_it), pytest.raises(CheckpointMovedError, match=moved):
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


class DiedError(BaseException):
    """As good as a kill: nothing in between may catch it."""


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
