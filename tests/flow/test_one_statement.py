"""A root field reads with one statement on one table, however many rows it shows, and never with a join."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from api.app import create_app
from api.settings import Settings
from tests.support.client import Client
from tests.support.recording import COMMIT, ROLLBACK, statements

ORDER = """
    id number userId userName userEmail total { amount currency } itemCount itemNames
    items { productId sku name quantity unitPrice { amount } lineTotal { amount } }
    status paymentReference carrier trackingNumber cancellationReason createdAt updatedAt version stale
    timeline { version type at actor details } availableActions { name allowed reason }
"""
USER = "id name email orderCount totalSpent { amount } lastOrderAt createdAt updatedAt version"
PRODUCT = "id sku name price { amount } stock retired unitsSold revenue { amount } createdAt updatedAt version"
DAY = "date orderCount unitCount revenue { amount currency } cancelledCount refundedCount"
PAGE = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"

# Each with the tables that it reads, one statement each.
READS: dict[str, tuple[str, list[str]]] = {
    "order": (f"query ($order: ID!) {{ order(id: $order) {{ {ORDER} }} }}", ["user_orders_view"]),
    "userOrders": (
        f"query ($user: ID!) {{ userOrders(userId: $user) {{ nodes {{ {ORDER} }} edges {{ cursor }} {PAGE} }} }}",
        ["user_orders_view"],
    ),
    "userOrders and their count": (
        f"query ($user: ID!) {{ userOrders(userId: $user) {{ nodes {{ {ORDER} }} totalCount }} }}",
        ["user_orders_view", "user_orders_view"],
    ),
    "user": (f"query ($user: ID!) {{ user(id: $user) {{ {USER} }} }}", ["users_view"]),
    "user and its orders": (
        f"query ($user: ID!) {{ user(id: $user) {{ {USER} orders {{ nodes {{ {ORDER} }} }} }} }}",
        ["users_view", "user_orders_view"],
    ),
    "product": (f"query ($product: ID!) {{ product(id: $product) {{ {PRODUCT} }} }}", ["products_view"]),
    "products": (
        f"query ($first: Int) {{ products(first: $first) {{ nodes {{ {PRODUCT} }} edges {{ cursor }} {PAGE} }} }}",
        ["products_view"],
    ),
    "dailySales": (
        f'{{ dailySales(from: "2020-01-01", to: "2029-12-31") {{ {DAY} }} }}',
        ["daily_sales_view"],
    ),
}


@pytest.fixture(scope="module")
async def observed(settings: Settings, live: object) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ARG001 - it projects
    """An API in this process, over the stores of the run, whose statements can be seen."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app=app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        yield http


@pytest.fixture(scope="module", params=[1, 20], ids=["one row", "twenty rows"])
def there(request: pytest.FixtureRequest, nobody: Client, staff: Client) -> dict[str, Any]:
    """What there is to read: as many orders of a user, and as many products, as the parameter says."""
    user, products = nobody.registered(), [staff.added() for _ in range(request.param)]
    orders = [staff.ordered(user, *products) for _ in range(request.param)]
    return {"user": user, "order": orders[0], "product": products[0], "first": request.param}


def sources(recorded: list[str]) -> list[str]:
    """Return what stands in each from clause of what was sent, sorted: a table's name, if it is no join."""
    sent = " ; ".join(statement for statement in recorded if statement not in {COMMIT, ROLLBACK})
    return sorted(re.findall(r"\bfrom (.+?)(?: where | order | limit | ; |$)", sent, re.IGNORECASE))


def rows(answer: Any) -> int:
    """Return how many nodes the list in an answer has."""
    if "nodes" in answer:
        return len(answer["nodes"])
    return max((rows(each) for each in answer.values() if isinstance(each, dict)), default=0)


@pytest.mark.parametrize("what", READS)
async def test_a_read_is_one_statement_a_table(
    what: str, there: dict[str, Any], observed: httpx.AsyncClient, staff: Client
) -> None:
    document, read = READS[what]
    variables = {name: value for name, value in there.items() if f"${name}:" in document}
    with statements(Engine) as recorded:
        answer = await observed.post(
            "/graphql",
            json={"query": document, "variables": variables},
            headers={"Authorization": f"Bearer {staff.token}"},
        )
    assert "errors" not in answer.json()
    if "nodes" in document:
        assert rows(answer.json()["data"]) == there["first"]
    assert sources(recorded) == sorted(read)


async def test_reads_of_several_fields_are_one_statement_each(
    there: dict[str, Any], observed: httpx.AsyncClient, staff: Client
) -> None:
    document = """
        query ($user: ID!, $product: ID!, $order: ID!) {
          a: order(id: $order) { id } b: user(id: $user) { id } c: product(id: $product) { id }
          d: userOrders(userId: $user) { nodes { id } } e: products(first: 1) { nodes { id } }
        }
    """
    variables = {name: there[name] for name in ("user", "product", "order")}
    with statements(Engine) as recorded:
        answer = await observed.post(
            "/graphql",
            json={"query": document, "variables": variables},
            headers={"Authorization": f"Bearer {staff.token}"},
        )
    assert "errors" not in answer.json()
    assert sources(recorded) == [
        "products_view",
        "products_view",
        "user_orders_view",
        "user_orders_view",
        "users_view",
    ]


async def test_a_read_that_is_refused_sends_none(observed: httpx.AsyncClient, there: dict[str, Any]) -> None:
    with statements(Engine) as recorded:
        answer = await observed.post("/graphql", json={"query": READS["user"][0], "variables": {"user": there["user"]}})
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["UNAUTHENTICATED"]
    assert recorded == []
