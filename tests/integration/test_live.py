"""Followers of orders over a real read store: one select for all of a partition, and none of them misses a change."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from api import live as machinery
from api.live import LAST, Live
from api.settings import Settings
from domain.bus import Accepted
from domain.commands import PayOrder, RenameUser, ShipOrder
from domain.event_log import partition_of_user
from projections.catalogue import projections
from projections.progress import Progress
from projections.projection import Row
from projections.reads import Reads
from projections.runner import Runner
from projections.views.user_orders_view import Place, place
from tests.support.projecting import rewrite
from tests.support.recording import queries
from tests.support.shop import Shop, id_in

PATIENCE = 10.0  # seconds


@pytest.fixture
async def reads(fresh: Settings) -> AsyncIterator[Reads]:
    async with Reads(fresh.read.database_url) as opened:
        yield opened


@pytest.fixture
def live(reads: Reads) -> Live:
    return Live(reads.all)


@pytest.fixture
def project(log: Engine, read: Engine) -> Any:
    """Project what a partition has, and let somebody hear of it."""

    def run(partition: int, hear: Any = lambda _: None) -> None:
        published: list[Progress] = []
        runner = Runner(log=log, read=read, projections=projections(), publish=published.extend)
        assert runner.drain(partition, seconds=10)
        for progress in published:
            hear(progress)

    return run


@asynccontextmanager
async def following(live: Live, user: UUID, after: Place | None = (0, LAST), **which: Any) -> AsyncIterator[Any]:
    """Follow a user's orders; gives a function that waits for the next row."""
    async with aclosing(live.changes(user, after, **which)) as changes:
        yield lambda: asyncio.wait_for(anext(changes), PATIENCE)


def shown(row: Row) -> tuple[UUID, int]:
    return row["order_id"], row["version"]


async def until_version(version: int, next_row: Any) -> None:
    while shown(await next_row())[1] != version:
        pass


async def pay(shop: Shop, order: UUID) -> Accepted:
    return await shop.give(PayOrder(order_id=order, payment_reference="pi_1"))


class TestFollowers:
    async def test_see_a_change_whose_message_was_lost(self, live: Live, fresh_shop: Shop, project: Any) -> None:
        user = await fresh_shop.user()
        order = await fresh_shop.order(user, await fresh_shop.product())
        looking = asyncio.create_task(live.look())
        async with following(live, user) as following_row:
            first = asyncio.create_task(following_row())
            await asyncio.sleep(0.1)
            project(partition_of_user(user))
            assert shown(await first) == (order, 1)
        looking.cancel()

    async def test_of_one_partition_share_its_selects(self, live: Live, fresh_shop: Shop, project: Any) -> None:
        users = [await fresh_shop.user(id_in(7)) for _ in range(20)]
        tea = await fresh_shop.product()
        orders = {user: await fresh_shop.order(user, tea) for user in users}
        project(7)
        streams = [live.changes(user, (0, LAST)) for user in users for _ in range(5)]
        firsts = [await anext(stream) for stream in streams]
        nexts = [asyncio.ensure_future(anext(stream)) for stream in streams]
        await asyncio.sleep(0.3)  # until all wait
        for order in orders.values():
            await pay(fresh_shop, order)
        with queries() as sent:
            project(7, live.heard)
            seconds = await asyncio.wait_for(asyncio.gather(*nexts), PATIENCE)
        expected = [orders[user] for user in users for _ in range(5)]
        assert [shown(row) for row in firsts] == [(order, 1) for order in expected]
        assert [shown(row) for row in seconds] == [(order, 2) for order in expected]
        assert len([statement for statement in sent if statement.startswith("SELECT")]) == 1
        for stream in streams:
            await stream.aclose()
        assert live._feeds == {}

    async def test_that_take_nothing_for_long_read_again_what_they_missed(
        self, live: Live, fresh_shop: Shop, project: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(machinery, "_MOST_WAITING", 2)
        monkeypatch.setattr(machinery, "_PAGE", 3)
        user, tea = await fresh_shop.user(), await fresh_shop.product()
        partition = partition_of_user(user)
        orders = [await fresh_shop.order(user, tea) for _ in range(8)]
        project(partition)
        async with following(live, user) as next_row, following(live, user) as quick_row:
            assert [shown(await next_row()) for _ in orders] == [(order, 1) for order in orders]
            assert [shown(await quick_row()) for _ in orders] == [(order, 1) for order in orders]
            for order in orders:
                await pay(fresh_shop, order)
                project(partition, live.heard)
                assert shown(await quick_row()) == (order, 2)
            await fresh_shop.give(RenameUser(user_id=user, name="Grace"))
            project(partition, live.heard)
            rows = [await next_row() for _ in orders]
        assert [place(row) for row in rows] == sorted({place(row) for row in rows})
        assert {shown(row) for row in rows} == {(order, 2) for order in orders}
        assert {row["user_name"] for row in rows} == {"Grace"}

    async def test_go_on_when_the_store_does(self, live: Live, fresh_shop: Shop, project: Any, read: Engine) -> None:
        user = await fresh_shop.user()
        order = await fresh_shop.order(user, await fresh_shop.product())
        project(partition_of_user(user))
        looking = asyncio.create_task(live.look())
        async with following(live, user) as next_row:
            assert shown(await next_row()) == (order, 1)
            second = asyncio.create_task(next_row())
            await asyncio.sleep(0.2)
            with read.connect() as connection:
                connection.exec_driver_sql(
                    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tandem-queries'"
                )
            await pay(fresh_shop, order)
            project(partition_of_user(user), live.heard)
            assert shown(await second) == (order, 2)
        looking.cancel()

    async def test_see_that_an_order_is_stale_from_now_on(
        self, live: Live, fresh_shop: Shop, fresh: Settings, project: Any
    ) -> None:
        user = await fresh_shop.user()
        order = await fresh_shop.order(user, await fresh_shop.product())
        project(partition_of_user(user))
        async with following(live, user) as next_row:
            assert (await next_row())["stale"] is False
            second = asyncio.create_task(next_row())
            await pay(fresh_shop, order)
            rewrite(fresh.write.database_url, order, 2, {"garbage": True})
            project(partition_of_user(user), live.heard)
            row = await second
        assert (shown(row), row["stale"]) == ((order, 1), True)

    async def test_of_one_order_see_no_other(self, live: Live, fresh_shop: Shop, project: Any) -> None:
        user, tea = await fresh_shop.user(), await fresh_shop.product()
        mine, other = await fresh_shop.order(user, tea), await fresh_shop.order(user, tea)
        project(partition_of_user(user))
        async with following(live, user, order_id=mine) as next_row:
            assert shown(await next_row()) == (mine, 1)
            second = asyncio.create_task(next_row())
            await asyncio.sleep(0.2)
            for order in (other, mine):
                await pay(fresh_shop, order)
                project(partition_of_user(user), live.heard)
            assert shown(await second) == (mine, 2)

    async def test_that_come_while_a_select_goes_on_miss_nothing(
        self, reads: Reads, fresh_shop: Shop, project: Any
    ) -> None:
        """A select that began without a user may see more than that user's own first one does."""
        users = [await fresh_shop.user(id_in(9)) for _ in range(2)]
        tea = await fresh_shop.product()
        orders = [await fresh_shop.order(user, tea) for user in users]
        project(9)
        held, let_go = asyncio.Event(), asyncio.Event()

        async def read(statement: Any) -> list[Row]:
            if held.is_set():
                held.clear()
                await let_go.wait()
            return await reads.all(statement)

        live = Live(read)
        async with following(live, users[0]) as first, following(live, users[1]) as second:
            assert shown(await first()) == (orders[0], 1)
            waiting = asyncio.create_task(first())
            await asyncio.sleep(0.2)
            held.set()
            await pay(fresh_shop, orders[0])
            project(9, live.heard)  # the feed's select is held now, and knows the first user alone
            await asyncio.sleep(0.1)
            seen = asyncio.create_task(until_version(2, second))
            await asyncio.sleep(0.2)
            await pay(fresh_shop, orders[1])
            await fresh_shop.give(ShipOrder(order_id=orders[0], carrier="DHL", tracking_number="1Z"))
            project(9, live.heard)
            let_go.set()
            assert shown(await waiting) == (orders[0], 3)
            await seen

    async def test_that_bring_no_place_see_what_changed_last_and_all_that_changes_meanwhile(
        self, reads: Reads, fresh_shop: Shop, project: Any
    ) -> None:
        user, tea = await fresh_shop.user(), await fresh_shop.product()
        partition = partition_of_user(user)
        first, second = await fresh_shop.order(user, tea), await fresh_shop.order(user, tea)
        await pay(fresh_shop, first)
        project(partition)
        third: list[UUID] = []

        async def read(statement: Any) -> list[Row]:
            """Let something change between what changed last and what changed behind that."""
            rows = await reads.all(statement)
            if "DESC" in str(statement):
                await pay(fresh_shop, second)
                third.append(await fresh_shop.order(user, tea))
                project(partition, live.heard)
            return rows

        live = Live(read)
        async with following(live, user, None) as next_row:
            seen = [shown(await next_row()) for _ in range(3)]
        assert seen == [(first, 2), (second, 2), (third[0], 1)]

    async def test_of_a_user_without_orders_see_the_first(self, live: Live, fresh_shop: Shop, project: Any) -> None:
        user = await fresh_shop.user()
        project(partition_of_user(user))
        async with following(live, user, None) as next_row:
            first = asyncio.create_task(next_row())
            await asyncio.sleep(0.1)
            order = await fresh_shop.order(user, await fresh_shop.product())
            project(partition_of_user(user), live.heard)
            assert shown(await first) == (order, 1)
