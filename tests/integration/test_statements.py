"""The order in which a command's transaction works, which rules deadlocks out and keeps the log gapless."""

import re
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from api.settings import Settings
from domain.bus import Bus
from domain.commands import CreateOrder
from domain.database import CommandPool
from domain.order import Line
from tests.support.recording import COMMIT, commands
from tests.support.shop import USD, Shop


def gist(statement: str) -> str:
    """Return what a statement does, to which table, and which lock it takes."""
    if "update log_heads" in statement:
        return "update log_heads, insert events"
    verb = statement.split(maxsplit=1)[0].lower()
    if found := re.search(r"\b(?:from|into|update) (\w+)", statement, re.IGNORECASE):
        lock = re.search(r"for (share|no key update|update)", statement, re.IGNORECASE)
        return f"{verb} {found[1]}" + (f" {lock[0].lower()}" if lock else "")
    return verb


@pytest.fixture
async def one(settings: Settings) -> AsyncIterator[CommandPool]:
    async with CommandPool(settings.write.database_url, connections=1) as pool:
        yield pool


@pytest.fixture
def shop(one: CommandPool) -> Shop:
    return Shop(Bus(one, currency=USD, nudge=lambda _: None))


class TestCreateOrder:
    async def test_locks_in_one_order_and_appends_last(self, shop: Shop, one: CommandPool) -> None:
        user, counted, uncounted = await shop.user(), await shop.product(stock=5), await shop.product()
        items = tuple(Line(product_id=product, quantity=1) for product in (uncounted, counted))
        command = CreateOrder(user_id=user, items=items, expected_total=Decimal("19.98"))
        await shop.give(command)  # asyncpg asks for types that it does not know, once a connection
        with commands(one) as sent:
            await shop.give(command, idempotency_key="the order of statements")
        assert [gist(statement) for statement in sent] == [
            "begin",
            "select receipts",
            "select users for share",
            "select products",
            "select products for no key update",
            "insert orders",
            "insert order_items",
            "update products",
            "insert receipts",
            "update log_heads, insert events",
            COMMIT,
        ]

    async def test_locks_no_product_whose_stock_is_not_counted(self, shop: Shop, one: CommandPool) -> None:
        user, product = await shop.user(), await shop.product()
        await shop.order(user, product)
        with commands(one) as sent:
            await shop.order(user, product)
        assert [gist(statement) for statement in sent if "products" in statement] == ["select products"]
