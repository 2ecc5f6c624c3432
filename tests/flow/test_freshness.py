"""extensions.freshness: on every answer of an operation, for the tables that it shows; it keeps none from coming."""

from dataclasses import replace
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.app import create_app
from api.settings import Settings
from domain.settings import WriteSettings
from projections.settings import ReadSettings
from tests.conftest import free_port
from tests.support.client import Client

PRODUCTS = "{ products(first: 1) { nodes { id } } }"


def freshness(client: Client, document: str, **variables: Any) -> Any:
    return client.post(document, **variables).json()["extensions"]["freshness"]


def level(client: Client) -> Any:
    """Return the freshness of products_view once it is level, which is seen once a second."""
    until = monotonic() + 10
    while (told := freshness(client, PRODUCTS))["products_view"]["lag"] != 0 and monotonic() < until:
        sleep(0.1)
    return told


class TestFreshness:
    def test_is_that_of_a_table_that_is_level(self, nobody: Client, staff: Client) -> None:
        staff.added()
        assert level(nobody) == {"products_view": {"lag": 0, "age": pytest.approx(0, abs=5)}}

    def test_is_that_of_each_table_an_answer_shows(self, nobody: Client, staff: Client) -> None:
        user = nobody.registered()
        document = f'{{ user(id: "{user}") {{ orders {{ nodes {{ id }} }} }} products {{ totalCount }} }}'
        assert set(freshness(staff, document)) == {"users_view", "user_orders_view", "products_view"}

    def test_of_a_command_is_that_of_what_it_shows(self, nobody: Client) -> None:
        command = """
            mutation ($email: String!, $show: Boolean!) {
              registerUser(input: {name: "Ada", email: $email}) {
                ... on UserAccepted { user @include(if: $show) { id } }
              }
            }
        """
        assert freshness(nobody, command, email=f"{uuid4().hex}@example.com", show=False) == {}
        assert set(freshness(nobody, command, email=f"{uuid4().hex}@example.com", show=True)) == {"users_view"}

    async def test_is_not_known_where_no_store_answers_and_the_answer_still_comes(self, settings: Settings) -> None:
        away = f"postgresql://127.0.0.1:{free_port()}/"
        app = create_app(
            replace(
                settings,
                write=WriteSettings(database_url=f"{away}write"),
                read=ReadSettings(database_url=f"{away}read"),
            )
        )
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://api") as http,
        ):
            answer = (await http.post("/graphql", json={"query": PRODUCTS})).json()
        assert answer["data"] is None
        assert answer["extensions"] == {"freshness": {"products_view": {"lag": None, "age": None}}}
