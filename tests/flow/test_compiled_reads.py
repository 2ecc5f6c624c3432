"""A planned query is answered as Strawberry would answer it, whatever it asks for, whoever asks."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trials
from hypothesis import strategies as st

from api.app import create_app
from api.auth import mint
from api.compiled.queries import MOST_PLANS, Queries
from api.schema import create_schema
from api.settings import AuthSettings, Settings
from api.streams import Bounds
from tests.support.client import Client
from tests.support.documents import Asked, queries
from tests.support.serving import ROOMY

# Those of whom there is nothing to compare: how far projections are changes from one answer to the next.
LEFT_OUT = frozenset({"projections"})
SCHEMA = create_schema()._schema


@dataclass(slots=True, kw_only=True)
class Both:
    """The same API twice, over the same stores: with compiled reads and without."""

    loop: asyncio.Runner
    compiled: httpx.AsyncClient
    plain: httpx.AsyncClient
    planned: Counter[bool] = field(default_factory=Counter)
    """How often a query was planned, and how often it was not."""

    def answers(self, asked: Asked, token: str | None) -> tuple[Any, Any]:
        return self.loop.run(self._answers(asked, token))

    async def _answers(self, asked: Asked, token: str | None) -> tuple[Any, Any]:
        return await _answer(self.compiled, asked, token), await _answer(self.plain, asked, token)


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """What a query may ask for."""

    users: list[str]
    orders: list[str]
    products: list[str]
    cursors: list[str]
    tokens: list[str]


@pytest.fixture(scope="module")
def both(settings: Settings, live: object) -> Iterator[Both]:  # noqa: ARG001 - it projects
    with asyncio.Runner() as loop, pytest.MonkeyPatch.context() as patch:
        stack = AsyncExitStack()
        compiled, plain = [loop.run(_open(stack, replace(settings, compiled_reads=how))) for how in (True, False)]
        found = Both(loop=loop, compiled=compiled, plain=plain)
        execute = Queries.execute

        async def counted(*given: Any) -> Any:
            result = await execute(*given)
            found.planned[result is not None] += 1
            return result

        patch.setattr(Queries, "execute", counted)
        yield found
        loop.run(stack.aclose())


async def _open(stack: AsyncExitStack, settings: Settings) -> httpx.AsyncClient:
    app = create_app(settings, Bounds(documents=ROOMY))
    await stack.enter_async_context(app.router.lifespan_context(app))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://api"))


@pytest.fixture(scope="module")
def there(nobody: Client, staff: Client) -> There:
    """Orders in all states, products of all kinds, and cursors of several lists."""
    users = [nobody.registered(f"{name} {uuid4().hex[:4]}") for name in ("Ada", "Grace", "茶 Öl")]
    products = [staff.added("Tea", stock=100), staff.added("Mug 100%"), staff.added("Gift", price="0", stock=3)]
    orders = [staff.ordered(users[at % 2], *products[: 1 + at % 2]) for at in range(12)]
    for order in orders[2:]:
        staff.paid(order)
    for order in orders[4:]:
        staff.shipped(order)
    for order in orders[6:]:
        staff.delivered(order)
    staff.give("cancelOrder", {"orderId": orders[0], "reason": "too late", "idempotencyKey": uuid4().hex})
    staff.give("refundOrder", {"orderId": orders[7], "reason": "broken", "idempotencyKey": uuid4().hex})
    receipt = staff.give("retireProduct", {"productId": products[2], "idempotencyKey": uuid4().hex})
    lists = staff.ask(CURSORS, user=users[0])
    cursors = [edge["cursor"] for each in lists.values() for edge in each["edges"]]
    return There(users=users, orders=orders, products=products, cursors=cursors, tokens=[receipt["token"]])


CURSORS = """
    query ($user: ID!) {
      a: orders(first: 3) { edges { cursor } }
      b: orders(first: 3, orderBy: {field: TOTAL, direction: ASC}) { edges { cursor } }
      c: userOrders(userId: $user, first: 3) { edges { cursor } }
      d: products(first: 3) { edges { cursor } }
      e: users(first: 3) { edges { cursor } }
    }
"""


def test_every_query_has_the_same_answer_either_way(both: Both, there: There) -> None:
    values = arguments(there)
    tokens = {
        "nobody": None,
        "a customer": mint(AuthSettings(), subject=there.users[0], role="customer"),
        "staff": mint(AuthSettings(), subject="tests", role="staff"),
    }

    @trials(max_examples=700, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True)
    @given(asked=queries(SCHEMA, values, LEFT_OUT))
    def agree(asked: Asked) -> None:
        for who, token in tokens.items():
            compiled, plain = both.answers(asked, token)
            if plain[1].get("data", ...) is None:  # Strawberry stops there, and does not tell what else is wrong
                assert [error for error in plain[1].pop("errors") if error not in compiled[1]["errors"]] == []
                del compiled[1]["errors"]
            assert compiled == plain, f"{who} asks {asked}"

    both.planned.clear()
    agree()
    assert both.planned[True] > both.planned[False]


# What is asked for each root field, in the least words.
LEAST = {
    "node": "node(id: $id) { id }",
    "me": "me { id }",
    "order": "order(id: $id) { id }",
    "userOrders": "userOrders(userId: $id) { totalCount }",
    "orders": "orders { totalCount }",
    "user": "user(id: $id) { id }",
    "users": "users { totalCount }",
    "product": "product(id: $id) { id }",
    "products": "products { totalCount }",
    "dailySales": 'dailySales(from: "2026-01-01", to: "2026-01-02") { date }',
}


@pytest.mark.parametrize("name", sorted(SCHEMA.query_type.fields.keys() - LEFT_OUT))  # type: ignore[union-attr]
def test_a_field_that_shows_rows_is_planned(name: str, both: Both, there: There) -> None:
    declared = "($id: ID!)" if "$id" in LEAST[name] else ""
    asked = Asked(document=f"query {declared} {{ {LEAST[name]} }}", variables={"id": there.users[0]})
    assert planned(both, asked)


@pytest.mark.parametrize(
    "document",
    [
        "{ __schema { queryType { name } } }",
        "{ orders { totalCount } projections { name } }",
        "{ users(first: 1) { nodes { orders { totalCount } } } }",
        "query A { orders { totalCount } } query B { users { totalCount } }",
        "{ orders { total } }",
        "query ($first: Int!) { orders(first: $first) { totalCount } }",
        'mutation { retireProduct(input: {productId: "x"}) { __typename } }',
        "{ orders",
    ],
    ids=lambda document: document[:40],
)
def test_anything_else_is_left_to_strawberry(document: str, both: Both) -> None:
    asked = Asked(document=document, variables={})
    assert not planned(both, asked)
    compiled, plain = both.answers(asked, None)
    assert compiled == plain


def test_a_query_has_no_more_plans_than_it_may(both: Both) -> None:
    names = [f"v{number}" for number in range(6)]
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: __typename @include(if: ${name})" for name in names)
    ways = [
        Asked(
            document=f"query ({declared}) {{ products {{ {fields} }} }}",
            variables={name: bool(way >> place & 1) for place, name in enumerate(names)},
        )
        for way in range(64)
    ]
    assert sum(planned(both, way) for way in ways) == MOST_PLANS
    answers = [both.answers(way, None) for way in ways]
    assert [compiled for compiled, _ in answers] == [plain for _, plain in answers]


def planned(both: Both, asked: Asked) -> bool:
    both.planned.clear()
    both.answers(asked, mint(AuthSettings(), subject="tests", role="staff"))
    return both.planned[True] > 0


def arguments(there: There) -> dict[str, st.SearchStrategy[Any]]:
    amount = st.sampled_from(["0", "9.99", "20", 12, 7.5, "1e3", "x"])
    moment = st.sampled_from(["2026-01-31T12:00:00Z", "2020-01-01T00:00:00+02:00", "2999-12-31T23:59:59.999Z", "x"])
    cursor = st.sampled_from([*there.cursors, "", "x"])
    size = st.sampled_from([1, 2, 3, 5, 100, 0, 101, -1])
    unknown = [str(uuid4()), "x", ""]
    return {
        "id": st.sampled_from([*there.orders[:4], *there.users, *there.products, there.orders[0].upper(), *unknown]),
        "userId": st.sampled_from([*there.users, *unknown]),
        "after": cursor,
        "before": cursor,
        "first": size,
        "last": size,
        "page": st.sampled_from([1, 1, 2, 3, 0]),
        "search": st.sampled_from(["tea", "ada", "öl 茶", "100%", "te", " ", "x" * 201]),
        "from": st.sampled_from(["2020-01-01", "2026-11-01", "x"]),
        "to": st.sampled_from(["2029-12-31", "2021-01-01"]),
        "ConsistencyToken": st.sampled_from([*there.tokens, "x"]),
        "Decimal": amount,
        "DateTime": moment,
        "Boolean": st.booleans(),
    }


async def _answer(http: httpx.AsyncClient, asked: Asked, token: str | None) -> tuple[int, Any]:
    """Return the status and the body: of how fresh it is, only of which tables that is told, if the answer has any.

    How fresh changes from one moment to the next; and which tables an answer that failed had come to is chance.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = await http.post("/graphql", json={"query": asked.document, "variables": asked.variables}, headers=headers)
    body = answer.json()
    extensions = body.pop("extensions", {})
    if body.get("data"):
        body["freshness"] = sorted(extensions["freshness"])
    body.get("errors", []).sort(key=lambda error: error.get("path", []))
    return answer.status_code, body
