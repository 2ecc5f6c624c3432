"""Many at once, on real stores: no piece is sold twice, no change is lost, a key is one effect however often sent."""

import asyncio
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Engine, text

from api.settings import Settings
from domain.bus import Request
from domain.commands import (
    AddOrderItem,
    CancelOrder,
    ChangeOrderItemQuantity,
    Command,
    CreateOrder,
    RegisterUser,
    RemoveOrderItem,
)
from domain.database import CommandPool
from domain.errors import InsufficientStock, InvalidInput, InvalidTransition, NotFound, Refusal, VersionConflict
from domain.event_log import PARTITIONS
from domain.order import Line
from projections.catalogue import projections
from projections.runner import Runner
from tests import conftest
from tests.conftest import Live
from tests.support import tables
from tests.support.client import Answer, Client, result_of
from tests.support.shop import STAFF, Shop, basket, email

BUYERS, PIECES = 500, 100
AT_ONCE = 32  # connections of a client; the stores have fewer, so that all of theirs are in use


async def registered(shop: Shop, count: int) -> list[UUID]:
    """Register users, in one transaction."""
    requests = [Request(command=RegisterUser(name="Ada", email=email()), actor=STAFF) for _ in range(count)]
    outcomes = await shop.bus.execute_all(requests)
    return [outcome.stream_id for outcome in outcomes if not isinstance(outcome, Refusal)]


async def outcomes(shop: Shop, commands: Sequence[Command]) -> Counter[str]:
    """Give commands at once; count the refusals by their codes. Anything else than a refusal is raised."""
    queue = asyncio.Semaphore(100)  # four for each connection; a longer one could run into the pool's time-out

    async def give(command: Command) -> str:
        async with queue:
            try:
                await shop.give(command)
            except Refusal as refusal:
                return refusal.code
            return "accepted"

    return Counter(await asyncio.gather(*map(give, commands)))


async def stock(write: CommandPool, *product_ids: UUID) -> dict[UUID, int]:
    async with write.transaction() as connection:
        found = await connection.all(
            text("select id, stock from products where id = any(:ids)"), {"ids": list(product_ids)}
        )
        return {row.id: row.stock for row in found}


async def pieces_out(write: CommandPool) -> Counter[UUID]:
    """Count the pieces that orders hold."""
    async with write.transaction() as connection:
        found = await connection.all(
            text("""
                select i.product_id, sum(i.quantity) as pieces
                from order_items i join orders o on o.id = i.order_id
                where o.status <> 'cancelled' group by 1
            """)
        )
        return Counter({row.product_id: row.pieces for row in found})


def deadlocks(log: Engine) -> int:
    with log.connect() as connection:
        counted = "select deadlocks from pg_stat_database where datname = current_database()"
        return int(connection.execute(text(counted)).scalar_one())


@pytest.fixture
def http(live: Live) -> Iterator[Client]:
    limits = httpx.Limits(max_connections=AT_ONCE)
    with httpx.Client(base_url=live.url, timeout=30, limits=limits) as http:
        yield Client(http=http).as_staff()


def at_once(ask: Callable[..., Answer], *given: Any) -> list[Answer]:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(ask, *given))


class TestTheLastPieces:
    """500 buyers want one of 100 pieces."""

    async def test_go_to_as_many_buyers_as_there_are(
        self, fresh_shop: Shop, fresh_write: CommandPool, log: Engine
    ) -> None:
        product, buyers = await fresh_shop.product(stock=PIECES), await registered(fresh_shop, BUYERS)
        answers = await outcomes(fresh_shop, [basket(buyer, product) for buyer in buyers])
        assert answers == {"accepted": PIECES, "INSUFFICIENT_STOCK": BUYERS - PIECES}
        assert await stock(fresh_write, product) == {product: 0}
        assert await pieces_out(fresh_write) == {product: PIECES}
        await fresh_write.close()  # a connection reports its deadlocks at its end, if not before
        assert deadlocks(log) == 0

    async def test_go_to_as_many_over_http(self, shop: Shop, write: CommandPool, http: Client) -> None:
        product, buyers = await shop.product(stock=PIECES), await registered(shop, BUYERS)

        def order(buyer: UUID) -> Answer:
            items = [{"productId": str(product), "quantity": 1}]
            return http.give("createOrder", {"userId": str(buyer), "items": items})

        answers = await asyncio.to_thread(at_once, order, buyers)
        assert Counter(answer["__typename"] for answer in answers) == {
            "OrderAccepted": PIECES,
            "InsufficientStock": BUYERS - PIECES,
        }
        refused = [answer for answer in answers if answer["__typename"] == "InsufficientStock"]
        assert {(refusal["requested"], refusal["available"]) for refusal in refused} == {(1, 0)}
        assert await stock(write, product) == {product: 0}


WRITERS, TURNS, PRODUCTS, STOCK = 16, 25, 20, 40
# What another writer's turn in between may make of a command that was right when it was thought of.
_MAY_HAPPEN = (InsufficientStock, InvalidTransition, NotFound, InvalidInput)


@dataclass(slots=True)
class Writer:
    """Orders, and changes its own orders and those of the others, at random."""

    shop: Shop
    user: UUID
    products: Sequence[UUID]
    orders: list[UUID]
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)

    async def work(self) -> None:
        for turn in range(TURNS):
            command = self._order() if turn < 2 or not self.orders else self._any()
            name = type(command).__name__
            try:
                accepted = await self.shop.give(command)
            except _MAY_HAPPEN as refusal:
                self.done[refusal.code] += 1
                continue
            self.done[name] += 1
            if isinstance(command, CreateOrder):
                self.orders.append(accepted.stream_id)

    def _order(self) -> CreateOrder:
        chosen = self.chance.sample(self.products, self.chance.randint(1, 5))
        lines = tuple(Line(product_id=product, quantity=self.chance.randint(1, 3)) for product in chosen)
        return CreateOrder(user_id=self.user, items=lines)

    def _any(self) -> Command:
        order, product, some = self.chance.choice(self.orders), self.chance.choice(self.products), self._quantity()
        commands: list[Command] = [
            self._order(),
            AddOrderItem(order_id=order, item=Line(product_id=product, quantity=some)),
            AddOrderItem(order_id=order, item=Line(product_id=product, quantity=some)),
            RemoveOrderItem(order_id=order, product_id=product),
            RemoveOrderItem(order_id=order, product_id=product),
            ChangeOrderItemQuantity(order_id=order, product_id=product, quantity=some),
            ChangeOrderItemQuantity(order_id=order, product_id=product, quantity=some),
            CancelOrder(order_id=order, reason="changed my mind"),
        ]
        return self.chance.choice(commands)

    def _quantity(self) -> int:
        return self.chance.randint(1, 6)


class TestBaskets:
    """Sixteen writers order from twenty products, in any order, and change and cancel each other's orders."""

    async def test_hold_all_pieces_that_are_not_in_stock_on_both_sides(
        self, fresh_shop: Shop, fresh_write: CommandPool, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        products = [await fresh_shop.product(stock=STOCK) for _ in range(PRODUCTS)]
        orders: list[UUID] = []
        writers = [
            Writer(fresh_shop, user, products, orders, random.Random(number))
            for number, user in enumerate(await registered(fresh_shop, WRITERS))
        ]
        await asyncio.gather(*(writer.work() for writer in writers))
        done = sum((writer.done for writer in writers), Counter[str]())
        changes = {AddOrderItem, CancelOrder, ChangeOrderItemQuantity, CreateOrder, RemoveOrderItem}
        assert {kind.__name__ for kind in changes} <= set(done), done

        left, out = await stock(fresh_write, *products), await pieces_out(fresh_write)
        assert {product: left[product] + out[product] for product in products} == dict.fromkeys(products, STOCK)
        assert min(left.values()) >= 0
        assert drained(fresh, log, read) == {str(product): (left[product], out[product]) for product in products}
        await fresh_write.close()
        assert deadlocks(log) == 0


def drained(fresh: Settings, log: Engine, read: Engine) -> dict[str, tuple[int, int]]:
    """Project all there is; return, a product, what the read side shows in stock and in orders."""
    runner = Runner(log=log, read=read, projections=projections(), publish=lambda _: None)
    for partition in range(PARTITIONS):
        assert runner.drain(partition, seconds=10)
    shown = tables.read_tables(fresh.read.database_url)
    assert shown == tables.folded(log)
    out = Counter[str]()
    for order in shown["user_orders_view"].values():
        if order["status"] != "cancelled":
            out.update({item["product_id"]: item["quantity"] for item in order["items"]})
    return {
        key: (product["stocked"] - product["units_sold"], out[key]) for key, product in shown["products_view"].items()
    }


class TestExpectedVersion:
    async def test_loses_no_change_of_twenty_writers(self, shop: Shop, write: CommandPool) -> None:
        product = await shop.product(stock=1000)
        order = await shop.order(await shop.user(), product)
        conflicts = Counter[UUID]()

        async def one_more() -> None:
            """Read, add one, write it if nobody did meanwhile; else begin again."""
            while True:
                version, quantity = await read_quantity(write, order)
                command = ChangeOrderItemQuantity(order_id=order, product_id=product, quantity=quantity + 1)
                try:
                    await shop.give(command, expected_version=version)
                except VersionConflict:
                    conflicts[order] += 1
                else:
                    return

        async def writer() -> None:
            for _ in range(2):
                await one_more()

        await asyncio.gather(*(writer() for _ in range(20)))
        assert await read_quantity(write, order) == (1 + 40, 1 + 40)
        assert await stock(write, product) == {product: 1000 - 41}
        assert conflicts[order] > 0

    async def test_is_what_keeps_them(self, shop: Shop, write: CommandPool) -> None:
        product = await shop.product(stock=1000)
        order = await shop.order(await shop.user(), product)
        _, quantity = await read_quantity(write, order)
        commands = [
            ChangeOrderItemQuantity(order_id=order, product_id=product, quantity=quantity + 1 + more)
            for more in range(2)
        ]
        assert await outcomes(shop, commands) == {"accepted": 2}
        assert await read_quantity(write, order) in {(3, 2), (3, 3)}  # one has not seen the other


async def read_quantity(write: CommandPool, order: UUID) -> tuple[int, int]:
    async with write.transaction() as connection:
        found = await connection.all(
            text("select o.version, i.quantity from orders o join order_items i on i.order_id = o.id where o.id = :id"),
            {"id": order},
        )
        [row] = found
        return row.version, row.quantity


async def new_order(shop: Shop) -> Answer:
    user, product = await shop.user(), await shop.product(stock=100)
    return {"userId": str(user), "items": [{"productId": str(product), "quantity": 3}]}


async def one_more_item(shop: Shop) -> Answer:
    order, product = await shop.order(await shop.user(), await shop.product()), await shop.product(stock=100)
    return {"orderId": str(order), "item": {"productId": str(product), "quantity": 3}}


async def payment(shop: Shop) -> Answer:
    return {"orderId": str(await shop.order(await shop.user(), await shop.product())), "paymentReference": "pi_1"}


async def cancellation(shop: Shop) -> Answer:
    order = await shop.order(await shop.user(), await shop.product(stock=100), quantity=3)
    return {"orderId": str(order), "reason": "changed my mind"}


async def new_name(shop: Shop) -> Answer:
    return {"userId": str(await shop.user()), "name": "Ada Lovelace"}


async def more_pieces(shop: Shop) -> Answer:
    return {"productId": str(await shop.product(stock=100)), "quantity": 3}


# Of each command an input, the id that its receipt names, and its stream's version after it was done once.
COMMANDS: Mapping[str, tuple[Callable[[Shop], Any], str, int]] = {
    "createOrder": (new_order, "orderId", 1),
    "addOrderItem": (one_more_item, "orderId", 2),
    "payOrder": (payment, "orderId", 2),
    "cancelOrder": (cancellation, "orderId", 2),
    "renameUser": (new_name, "userId", 2),
    "restockProduct": (more_pieces, "productId", 2),
}


@pytest.fixture(scope="module")
def another_api(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Start an API that has answered nobody yet, over the same stores."""
    port = conftest.free_port()
    environment = os.environ | {
        "TANDEM_WRITE_DATABASE_URL": settings.write.database_url,
        "TANDEM_READ_DATABASE_URL": settings.read.database_url,
        "TANDEM_REDIS_URL": settings.queue.redis_url,
    }
    command = [sys.executable, "-m", "api.cli", "api", "--port", str(port)]
    with (
        (tmp_path_factory.mktemp("logs") / "api.log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        try:
            conftest.wait_for(f"{url}/readyz", process)
            with httpx.Client(base_url=url, timeout=30) as http:
                yield Client(http=http).as_staff()
        finally:
            process.terminate()


class TestAKey:
    @pytest.mark.parametrize("name", COMMANDS)
    async def test_sent_fifty_times_at_once_is_one_effect_and_one_answer(
        self, name: str, shop: Shop, write: CommandPool, http: Client, another_api: Client
    ) -> None:
        make, id_field, version = COMMANDS[name]
        given = await make(shop) | {"idempotencyKey": uuid4().hex}
        stock_before = await stock_of(write, given)

        def give(_: int) -> Answer:
            return http.give(name, given, select=id_field)

        answers = await asyncio.to_thread(at_once, give, range(50))
        assert Counter(answer["replayed"] for answer in answers) == {False: 1, True: 49}
        [answer] = {tuple((answer | {"replayed": True}).items()) for answer in answers}
        assert dict(answer) | {"token": None} == {
            "__typename": result_of(name),
            "version": version,
            "token": None,
            "replayed": True,
            id_field: dict(answer)[id_field],
        }
        assert await versions(write, UUID(dict(answer)[id_field])) == list(range(1, version + 1))
        assert await asyncio.to_thread(another_api.give, name, given, select=id_field) == dict(answer)
        assert await stock_of(write, given) - stock_before == EFFECTS.get(name, 0)


# Pieces that come to the stock, of those products that an input names or whose order it names.
EFFECTS = {"createOrder": -3, "addOrderItem": -3, "cancelOrder": 3, "restockProduct": 3}


async def stock_of(write: CommandPool, given: Answer) -> int:
    """Return the pieces in stock of all products that an input concerns."""
    named = [*given.get("items", []), given.get("item", {}), given]
    ids = [line["productId"] for line in named if "productId" in line]
    async with write.transaction() as connection:
        found = await connection.all(
            text("""
                select coalesce(sum(stock), 0) as stock from products
                where id = any(:ids) or id in (select product_id from order_items where order_id = :order_id)
            """),
            {"ids": [UUID(each) for each in ids], "order_id": UUID(given.get("orderId", str(uuid4())))},
        )
        [row] = found
        return int(row.stock)


async def versions(write: CommandPool, stream_id: UUID) -> list[int]:
    async with write.transaction() as connection:
        found = await connection.all(
            text("select version from events where stream_id = :id order by version"), {"id": stream_id}
        )
        return [row.version for row in found]
