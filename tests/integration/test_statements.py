"""The round trips of a command, and the order in which it works, which rules deadlocks out."""

import re
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from api.settings import Settings
from domain.bus import Bus
from domain.commands import HANDLERS, Command, CreateOrder, RegisterUser
from domain.database import CommandPool
from domain.order import Line
from tests.support.examples import EXAMPLES
from tests.support.recording import COMMIT, commands
from tests.support.shop import USD, Shop, basket, email

WRITES = r"(insert into|update|delete from) (\w+)"


def gist(statement: str) -> str:
    """Return what a statement does to which tables, in its order, and which locks it takes."""
    if written := [f"{verb.split()[0]} {table}" for verb, table in re.findall(WRITES, without_locks(statement))]:
        return ", ".join(written)
    if read := re.findall(r"\bfrom (users|products|receipts|orders|order_items|events)\b", statement):
        return f"select {', '.join(dict.fromkeys(read))}" + "".join(f" {lock}" for lock in locks(statement))
    return statement


def locks(statement: str) -> list[str]:
    return re.findall(r"for (?:share|no key update|update)", statement)


def without_locks(statement: str) -> str:
    return re.sub(r"for (?:no key )?update", "", statement)


@pytest.fixture
async def one(settings: Settings) -> AsyncIterator[CommandPool]:
    async with CommandPool(settings.write.database_url, connections=1) as pool:
        async with pool.transaction():  # now it has its connection, which can be listened to
            pass
        yield pool


@pytest.fixture
def shop(one: CommandPool) -> Shop:
    return Shop(Bus(one, currency=USD, nudge=lambda _: None))


async def sent(shop: Shop, one: CommandPool, command: Command, **how: Any) -> list[str]:
    """Return the gist of each round trip that a command takes."""
    with commands(one) as recorded:
        await shop.give(command, **how)
    return [gist(statement) for statement in recorded]


class TestCreateOrder:
    async def test_takes_four_round_trips_locks_in_one_order_and_appends_last(
        self, shop: Shop, one: CommandPool
    ) -> None:
        user, counted, uncounted = await shop.user(), await shop.product(stock=5), await shop.product()
        items = tuple(Line(product_id=product, quantity=1) for product in (uncounted, counted))
        command = CreateOrder(user_id=user, items=items, expected_total=Decimal("19.98"))
        await shop.give(command, idempotency_key=uuid4().hex)  # asyncpg asks for types it does not know, once
        assert await sent(shop, one, command, idempotency_key=uuid4().hex) == [
            "begin",
            "select users, products for share for no key update",
            "insert orders, insert order_items, update products, insert receipts, update log_heads, insert events",
            COMMIT,
        ]

    async def test_writes_no_product_whose_stock_is_not_counted(self, shop: Shop, one: CommandPool) -> None:
        user, product = await shop.user(), await shop.product()
        await shop.order(user, product)
        written = (await sent(shop, one, basket(user, product)))[-2]
        assert written == "insert orders, insert order_items, update log_heads, insert events"


class TestACommand:
    @pytest.mark.parametrize("kind", HANDLERS, ids=lambda kind: kind.__name__)
    async def test_writes_in_one_statement_the_receipt_and_the_event_last(
        self, kind: type[Command], shop: Shop, one: CommandPool
    ) -> None:
        command = await EXAMPLES[kind](shop)
        *read, written, end = await sent(shop, one, command, idempotency_key=uuid4().hex)
        assert end == COMMIT
        assert written.endswith("insert receipts, update log_heads, insert events")
        assert [statement for statement in read if re.match("insert|update|delete", statement)] == []

    async def test_looks_for_its_receipt_only_where_it_is_refused_or_found_to_have_one(
        self, shop: Shop, one: CommandPool
    ) -> None:
        key, register = uuid4().hex, RegisterUser(name="Ada", email=email())
        first = await sent(shop, one, register, idempotency_key=key)
        again = await sent(shop, one, register, idempotency_key=key)
        written = "insert users, insert receipts, update log_heads, insert events"
        assert first == ["begin", written, COMMIT]
        assert again[1:3] == [written, "select users"]
        assert again[-2:] == ["select receipts", COMMIT]
