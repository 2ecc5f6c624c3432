"""A shop has one currency, chosen in its settings: prices have its decimals, and none of another is summed."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from api.app import create_app
from api.auth import mint
from api.settings import Settings
from domain.bus import Bus
from domain.commands import AddOrderItem, ChangeProductPrice, CreateOrder
from domain.database import CommandPool
from domain.errors import InvalidInput
from domain.event_log import PARTITIONS
from domain.money import Currency
from domain.order import Line
from projections.catalogue import projections
from projections.runner import Runner
from tests.support.shop import Shop, basket

Ask = Callable[..., Any]
MONEY = "{ amount currency }"


@pytest.fixture
def in_yen(fresh: Settings) -> Settings:
    environment = {
        "TANDEM_WRITE_DATABASE_URL": fresh.write.database_url,
        "TANDEM_READ_DATABASE_URL": fresh.read.database_url,
        "TANDEM_REDIS_URL": fresh.queue.redis_url,
        "TANDEM_CURRENCY": "JPY",
    }
    return Settings.from_environment(environment)


@pytest.fixture
async def ask(in_yen: Settings) -> AsyncIterator[Ask]:
    """Ask an API of these settings as staff, without a port."""
    app = create_app(in_yen)
    token = mint(in_yen.auth, subject="tests", role="staff")
    http = httpx.AsyncClient(
        base_url="http://tandem",
        transport=httpx.ASGITransport(app),
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )

    async def ask(document: str, **variables: Any) -> Any:
        answer = (await http.post("/graphql", json={"query": document, "variables": variables})).json()
        assert "errors" not in answer, answer
        return answer["data"]

    async with app.router.lifespan_context(app), http:
        yield ask


@pytest.fixture
def yen_shop(fresh_write: CommandPool) -> Shop:
    return Shop(Bus(fresh_write, currency=Currency.of("JPY"), nudge=lambda _: None))


def drain(log: Engine, read: Engine) -> None:
    runner = Runner(log=log, read=read, projections=projections(), publish=lambda _: None)
    for partition in range(PARTITIONS):
        assert runner.drain(partition, seconds=10)


def yen(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "JPY"}


ADD_PRODUCT = """
    mutation ($sku: String!, $price: Decimal!) {
      addProduct(input: {sku: $sku, name: "Tea", price: $price}) {
        __typename
        ... on ProductAccepted { productId }
        ... on UserError { code message path }
      }
    }
"""


class TestAnApiInYen:
    @pytest.mark.parametrize("price", ["1.5", "0.01", "1500.50"])
    async def test_refuses_a_price_with_decimals(self, ask: Ask, price: str) -> None:
        answer = (await ask(ADD_PRODUCT, sku="TEA", price=price))["addProduct"]
        assert (answer["__typename"], answer["code"], answer["path"]) == ("InvalidInput", "INVALID_INPUT", ["price"])
        assert answer["message"].startswith("The price must have no decimals, such as ")

    async def test_shows_all_amounts_without_decimals(
        self, ask: Ask, yen_shop: Shop, log: Engine, read: Engine
    ) -> None:
        user = await yen_shop.user()
        product = (await ask(ADD_PRODUCT, sku="TEA", price="1500.00"))["addProduct"]["productId"]
        idle = await yen_shop.user()
        order = await ask(
            """
            mutation ($user: ID!, $product: ID!) {
              createOrder(input: {userId: $user, items: [{productId: $product, quantity: 2}], expectedTotal: "3000"}) {
                ... on OrderAccepted { orderId }
              }
            }
            """,
            user=str(user),
            product=product,
        )
        drain(log, read)
        shown = await ask(
            f"""
            query ($order: ID!, $user: ID!, $idle: ID!, $product: ID!) {{
              order(id: $order) {{
                total {MONEY} items {{ unitPrice {MONEY} lineTotal {MONEY} }} timeline {{ details }}
              }}
              user(id: $user) {{ totalSpent {MONEY} }}
              idle: user(id: $idle) {{ totalSpent {MONEY} }}
              product(id: $product) {{ price {MONEY} revenue {MONEY} }}
            }}
            """,
            order=order["createOrder"]["orderId"],
            user=str(user),
            idle=str(idle),
            product=product,
        )
        assert shown == {
            "order": {
                "total": yen("3000"),
                "items": [{"unitPrice": yen("1500"), "lineTotal": yen("3000")}],
                "timeline": [{"details": {"total": "3000", "currency": "JPY", "itemCount": 1}}],
            },
            "user": {"totalSpent": yen("3000")},
            "idle": {"totalSpent": yen("0")},
            "product": {"price": yen("1500"), "revenue": yen("3000")},
        }

    async def test_shows_what_a_product_has_brought_as_zero_without_decimals(
        self, ask: Ask, log: Engine, read: Engine
    ) -> None:
        product = (await ask(ADD_PRODUCT, sku="TEA", price="1500"))["addProduct"]["productId"]
        drain(log, read)
        shown = await ask(f"query ($id: ID!) {{ product(id: $id) {{ revenue {MONEY} }} }}", id=product)
        assert shown == {"product": {"revenue": yen("0")}}


class TestAProductOfAnotherCurrency:
    async def test_cannot_be_ordered_until_its_price_was_changed(self, fresh_shop: Shop, yen_shop: Shop) -> None:
        user, product = await yen_shop.user(), await fresh_shop.product(price="9.99")
        with pytest.raises(InvalidInput) as refused:
            await yen_shop.order(user, product)
        assert (refused.value.message, refused.value.path) == (
            "Tea is priced in USD, not in JPY: change its price first.",
            ("items", "0", "productId"),
        )
        await yen_shop.give(ChangeProductPrice(product_id=product, price=Decimal(1500)))
        ordered = await yen_shop.give(replace(basket(user, product, quantity=2), expected_total=Decimal(3000)))
        assert ordered.version == 1

    async def test_cannot_be_added_to_an_order(self, fresh_shop: Shop, yen_shop: Shop) -> None:
        order = await yen_shop.order(await yen_shop.user(), await yen_shop.product(price="1500"))
        command = AddOrderItem(order_id=order, item=Line(product_id=await fresh_shop.product(price="9.99"), quantity=1))
        with pytest.raises(InvalidInput) as refused:
            await yen_shop.give(command)
        assert (refused.value.message, refused.value.path) == (
            "Tea is priced in USD, not in JPY: change its price first.",
            ("item", "productId"),
        )

    async def test_cannot_be_ordered_at_a_price_of_staff_either(self, fresh_shop: Shop, yen_shop: Shop) -> None:
        user, product = await yen_shop.user(), await fresh_shop.product(price="9.99")
        lines = (Line(product_id=product, quantity=1, unit_price=Decimal(1500)),)
        with pytest.raises(InvalidInput, match="change its price first"):
            await yen_shop.give(CreateOrder(user_id=user, items=lines))


class TestAnOrderOfAnotherCurrency:
    async def test_takes_no_item_in_the_shops_own(self, fresh_shop: Shop, yen_shop: Shop) -> None:
        order = await fresh_shop.order(await fresh_shop.user(), await fresh_shop.product(price="9.99"))
        item = Line(product_id=await yen_shop.product(price="1500"), quantity=1)
        with pytest.raises(InvalidInput):
            await yen_shop.give(AddOrderItem(order_id=order, item=item))
