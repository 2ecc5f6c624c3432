"""A root field reads with one statement on one table, however many rows it shows, and never with a join."""

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.app import create_app
from api.settings import Settings
from tests.support.client import Client
from tests.support.recording import queries

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
    "orders": (
        f"""
            query ($user: ID!) {{
              orders(where: {{userId: $user, status: [PENDING, PAID], search: "tea"}}) {{
                nodes {{ {ORDER} }} edges {{ cursor }} {PAGE}
              }}
            }}
        """,
        ["user_orders_view"],
    ),
    "the count of orders alone": (
        "query ($user: ID!) { orders(where: {userId: $user}) { totalCount } }",
        ["user_orders_view"],
    ),
    "an order as a node": (
        f"query ($order: ID!) {{ node(id: $order) {{ id ... on Order {{ {ORDER} }} }} }}",
        ["user_orders_view"],
    ),
    "a user as a node": (f"query ($user: ID!) {{ node(id: $user) {{ ... on User {{ {USER} }} }} }}", ["users_view"]),
    "a product as a node": (
        f"query ($product: ID!) {{ node(id: $product) {{ ... on Product {{ {PRODUCT} }} }} }}",
        ["products_view"],
    ),
    "users": (
        f"query ($first: Int) {{ users(first: $first) {{ nodes {{ {USER} }} edges {{ cursor }} {PAGE} }} }}",
        ["users_view"],
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
    user, *_ = [nobody.registered() for _ in range(request.param)]
    products = [staff.added() for _ in range(request.param)]
    orders = [staff.ordered(user, *products) for _ in range(request.param)]
    return {"user": user, "order": orders[0], "product": products[0], "first": request.param}


def sources(recorded: list[str]) -> list[str]:
    """Return what stands in each from clause of what was sent, sorted: a table's name, if it is no join."""
    sent = " ; ".join(recorded)
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
    with queries() as recorded:
        answer = await observed.post(
            "/graphql",
            json={"query": document, "variables": variables},
            headers={"Authorization": f"Bearer {staff.token}"},
        )
    assert "errors" not in answer.json()
    if "nodes" in document:
        assert rows(answer.json()["data"]) == there["first"]
    assert sources(recorded) == sorted(read)
    assert set(answer.json()["extensions"]["freshness"]) == set(read)


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
    with queries() as recorded:
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


async def ask(http: httpx.AsyncClient, staff: Client, document: str, **variables: Any) -> tuple[Any, list[str]]:
    """Return the data of an answer, and the statements that were sent for it."""
    with queries() as recorded:
        answer = await http.post(
            "/graphql",
            json={"query": document, "variables": variables},
            headers={"Authorization": f"Bearer {staff.token}"},
        )
    assert "errors" not in answer.json(), answer.json()
    return answer.json()["data"], recorded


async def test_several_statuses_are_merged_by_one_statement_on_one_table(
    observed: httpx.AsyncClient, staff: Client
) -> None:
    document = "{ orders(where: {status: [PENDING, PAID, SHIPPED]}) { nodes { id } } }"
    _, [sent] = await ask(observed, staff, document)
    assert re.findall(r"\bfrom (\w+)", sent, re.IGNORECASE) == ["user_orders_view"] * 3
    assert "join" not in sent.lower()


class TestWhatLiesBeforeAPage:
    DOCUMENT = """
        query ($user: ID!, $first: Int, $after: String, $page: Int) {
          userOrders(userId: $user, status: [PENDING], first: $first, after: $after, page: $page) {
            nodes { id } pageInfo { hasPreviousPage hasNextPage endCursor }
          }
        }
    """

    async def test_is_told_by_the_same_statement_or_by_one_more_where_the_cursor_s_row_has_left_the_list(
        self, observed: httpx.AsyncClient, nobody: Client, staff: Client
    ) -> None:
        user, product = nobody.registered(), staff.added()
        orders = [staff.ordered(user, product) for _ in range(4)][::-1]

        async def page(*, statements: int = 1, **given: Any) -> tuple[list[str], bool, bool]:
            answer, sent = await ask(observed, staff, self.DOCUMENT, user=user, **given)
            assert [re.findall(r"\bfrom (\w+)", statement, re.IGNORECASE) for statement in sent] == (
                [["user_orders_view"]] * statements
            )
            assert "join" not in "".join(sent).lower()
            info = answer["userOrders"]["pageInfo"]
            cursors.append(info["endCursor"])
            return (
                [node["id"] for node in answer["userOrders"]["nodes"]],
                info["hasPreviousPage"],
                info["hasNextPage"],
            )

        cursors: list[str] = []
        assert await page(first=2) == (orders[:2], False, True)
        after = cursors[0]
        assert await page(first=2, after=after) == (orders[2:], True, False)
        staff.paid(orders[1])  # the cursor's own
        assert await page(statements=2, first=2, after=after) == (orders[2:], True, False)
        staff.paid(orders[0])
        assert await page(statements=2, first=2, after=after) == (orders[2:], False, False)
        assert await page(first=2, page=1) == (orders[2:], False, False)
        assert await page(first=2, page=2) == ([], True, False)
        for order in orders[2:]:
            staff.paid(order)
        assert await page(statements=2, first=2, after=after) == ([], False, False)
        assert await page(statements=2, first=2, page=2) == ([], False, False)


class TestOrdersOfManyUsers:
    DOCUMENT = """
        query ($word: String, $size: Int) { users(where: {search: $word}, first: $size) {
          nodes { id orders(first: 2) { nodes { id } totalCount pageInfo { hasNextPage endCursor } } }
        } }
    """

    async def test_are_read_together(self, observed: httpx.AsyncClient, nobody: Client, staff: Client) -> None:
        word, product = uuid4().hex, staff.added()
        users = [nobody.registered(f"Ada {word}") for _ in range(5)][::-1]
        orders = {user: [staff.ordered(user, product) for _ in range(at)][::-1] for at, user in enumerate(users)}
        counts = []
        for size in (1, 5):
            answer, sent = await ask(observed, staff, self.DOCUMENT, word=word, size=size)
            shown = {user["id"]: gist(user["orders"]) for user in answer["users"]["nodes"]}
            assert shown == {
                user: (orders[user][:2], len(orders[user]), len(orders[user]) > 2) for user in users[:size]
            }
            counts.append(len(sent))
        assert counts == [3, 3]  # users, their orders, and how many those are

    async def test_may_be_asked_for_twice(self, observed: httpx.AsyncClient, nobody: Client, staff: Client) -> None:
        word, product = uuid4().hex, staff.added()
        user = nobody.registered(f"Ada {word}")
        pending, paid = staff.ordered(user, product), staff.paid(staff.ordered(user, product))
        document = """
            query ($word: String) { users(where: {search: $word}) { nodes {
              a: orders(status: [PENDING]) { nodes { id } } b: orders(status: [PAID]) { nodes { id number } }
              c: orders(status: [PAID, PENDING]) { edges { node { id } } }
            } } }
        """
        answer, _ = await ask(observed, staff, document, word=word)
        [shown] = answer["users"]["nodes"]
        assert [node["id"] for node in shown["a"]["nodes"]] == [pending]
        assert [node["id"] for node in shown["b"]["nodes"]] == [paid]
        assert [edge["node"]["id"] for edge in shown["c"]["edges"]] == [paid, pending]


def gist(page: Any) -> tuple[list[str], int, bool]:
    return [node["id"] for node in page["nodes"]], page["totalCount"], page["pageInfo"]["hasNextPage"]


class TestColumns:
    """What is not selected is not read."""

    @pytest.mark.parametrize(
        ("selected", "columns"),
        [
            ("number", ["order_id", "number", "created_at"]),
            ("total { amount }", ["order_id", "total", "created_at"]),
            ("items { sku }", ["order_id", "currency", "items", "created_at"]),
            ("availableActions { name }", ["order_id", "item_count", "status", "created_at"]),
            ("... on Node { id } ...F", ["order_id", "user_name", "created_at"]),
            ("__typename", ["order_id", "created_at"]),
        ],
    )
    async def test_of_a_list_are_those_of_the_selected_fields_and_its_order(
        self, observed: httpx.AsyncClient, staff: Client, selected: str, columns: list[str]
    ) -> None:
        for page in (f"nodes {{ {selected} }}", f"edges {{ node {{ {selected} }} }}"):
            fragment = "fragment F on Order { userName }" if "...F" in selected else ""
            _, [sent] = await ask(observed, staff, f"{{ orders {{ {page} }} }} {fragment}")
            read = sent.removeprefix("SELECT ").split(" FROM ")[0].split(", ")
            assert [column.removeprefix("user_orders_view.") for column in read] == columns

    async def test_of_a_row_are_those_of_the_selected_fields_and_its_key(
        self, observed: httpx.AsyncClient, staff: Client, there: dict[str, Any]
    ) -> None:
        _, [sent] = await ask(observed, staff, "query ($id: ID!) { order(id: $id) { carrier } }", id=there["order"])
        assert sent.startswith("SELECT user_orders_view.order_id, user_orders_view.carrier FROM user_orders_view")

    @pytest.mark.parametrize(("root", "fields"), [("order", ORDER), ("user", USER), ("product", PRODUCT)])
    async def test_suffice_for_each_field_alone(
        self, observed: httpx.AsyncClient, staff: Client, there: dict[str, Any], root: str, fields: str
    ) -> None:
        whole, _ = await ask(observed, staff, f"query ($id: ID!) {{ {root}(id: $id) {{ {fields} }} }}", id=there[root])
        each = re.findall(r"\w+(?: \{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})?", fields)
        assert len(each) == len(whole[root])
        for field in each:
            document = f"query ($id: ID!) {{ {root}(id: $id) {{ {field} }} }}"
            alone, _ = await ask(observed, staff, document, id=there[root])
            assert alone[root].items() <= whole[root].items(), field


async def test_a_read_that_is_refused_sends_none(observed: httpx.AsyncClient, there: dict[str, Any]) -> None:
    with queries() as recorded:
        answer = await observed.post("/graphql", json={"query": READS["user"][0], "variables": {"user": there["user"]}})
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["UNAUTHENTICATED"]
    assert recorded == []
