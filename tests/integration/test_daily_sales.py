"""What was sold, day by day, as staff asks for it: in each currency, and adding up to the orders that stand."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from unittest.mock import ANY

import httpx
import pytest
from sqlalchemy import Engine

from api.app import create_app
from api.auth import mint
from api.settings import Settings
from domain.bus import Bus
from domain.commands import AddOrderItem, CancelOrder, CreateOrder, PayOrder, RefundOrder, RemoveOrderItem
from domain.database import CommandPool
from domain.event_log import PARTITIONS
from domain.money import Currency
from domain.order import Line
from projections.catalogue import projections
from projections.runner import Runner
from tests.support.shop import Shop

Ask = Callable[..., Any]
ALL_OF_2026 = """
    { dailySales(from: "2026-01-01", to: "2026-12-31") {
        date orderCount unitCount revenue { amount currency } cancelledCount refundedCount
    } }
"""


@pytest.fixture
async def ask(fresh: Settings) -> AsyncIterator[Ask]:
    """Ask an API over these stores, without a port; return the whole answer."""
    app = create_app(fresh)
    token = mint(fresh.auth, subject="tests", role="staff")
    http = httpx.AsyncClient(
        base_url="http://tandem",
        transport=httpx.ASGITransport(app),
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )

    async def ask(document: str, **variables: Any) -> Any:
        answer = (await http.post("/graphql", json={"query": document, "variables": variables})).json()
        assert answer.pop("extensions", {"freshness": {"daily_sales_view": ANY}}) == {
            "freshness": {"daily_sales_view": ANY}
        }
        return answer

    async with app.router.lifespan_context(app), http:
        yield ask


@pytest.fixture
def yen_shop(fresh_write: CommandPool) -> Shop:
    return Shop(Bus(fresh_write, currency=Currency.of("JPY"), nudge=lambda _: None))


@pytest.fixture
def project(log: Engine, read: Engine) -> Callable[[], None]:
    def project() -> None:
        runner = Runner(log=log, read=read, projections=projections(), publish=lambda _: None)
        assert runner.drain(*range(PARTITIONS), seconds=30)

    return project


def on(day: int) -> datetime:
    return datetime(2026, 3, day, 12, tzinfo=UTC)


def a_day(day: int, orders: int, units: int, revenue: str, currency: str = "USD", **ended: int) -> dict[str, Any]:
    return {
        "date": f"2026-03-{day:02}",
        "orderCount": orders,
        "unitCount": units,
        "revenue": {"amount": revenue, "currency": currency},
        "cancelledCount": ended.get("cancelled", 0),
        "refundedCount": ended.get("refunded", 0),
    }


class TestDays:
    async def test_say_what_happened_on_them(
        self, fresh_shop: Shop, yen_shop: Shop, ask: Ask, project: Callable[[], None]
    ) -> None:
        shop = fresh_shop
        user, tea, pot = await shop.user(), await shop.product(price="9.99"), await shop.product(price="5.00")

        async def placed(day: int, quantity: int) -> Any:
            lines = (Line(product_id=tea, quantity=quantity),)
            return (await shop.give(CreateOrder(user_id=user, items=lines), at=on(day))).stream_id

        kept, cancelled, refunded = await placed(1, 2), await placed(1, 1), await placed(2, 3)
        item = AddOrderItem(order_id=kept, item=Line(product_id=pot, quantity=4))
        await shop.give(item, at=on(3))
        await shop.give(RemoveOrderItem(order_id=kept, product_id=tea), at=on(4))
        await shop.give(CancelOrder(order_id=cancelled, reason="changed my mind"), at=on(4))
        await shop.give(PayOrder(order_id=refunded, payment_reference="pi_1"), at=on(3))
        await shop.give(RefundOrder(order_id=refunded, reason="never arrived"), at=on(5))
        yen = Line(product_id=await yen_shop.product(price="1500"), quantity=2)
        await yen_shop.give(CreateOrder(user_id=await yen_shop.user(), items=(yen,)), at=on(2))
        project()
        assert await ask(ALL_OF_2026) == {
            "data": {
                "dailySales": [
                    a_day(1, 2, 3, "29.97"),
                    a_day(2, 1, 2, "3000", "JPY"),
                    a_day(2, 1, 3, "29.97"),
                    a_day(3, 0, 4, "20.00"),
                    a_day(4, 0, -3, "-29.97", cancelled=1),
                    a_day(5, 0, -3, "-29.97", refunded=1),
                ]
            }
        }

    @pytest.mark.parametrize(
        ("span", "days"),
        [
            (("2026-03-01", "2026-03-02"), [1, 2]),
            (("2026-03-02", "2026-03-02"), [2]),
            (("2026-03-03", "2026-04-03"), []),
            (("2016-02-24", "2026-03-02"), [1, 2]),
        ],
    )
    async def test_are_those_from_the_first_to_the_last(
        self, fresh_shop: Shop, ask: Ask, project: Callable[[], None], span: tuple[str, str], days: list[int]
    ) -> None:
        user, tea = await fresh_shop.user(), await fresh_shop.product()
        for day in (2, 1):
            await fresh_shop.give(CreateOrder(user_id=user, items=(Line(product_id=tea, quantity=1),)), at=on(day))
        project()
        asked = "query ($from: Date!, $to: Date!) { dailySales(from: $from, to: $to) { date } }"
        answer = await ask(asked, **dict(zip(("from", "to"), span, strict=True)))
        assert answer == {"data": {"dailySales": [{"date": f"2026-03-0{day}"} for day in days]}}
