"""What is told where the read store is down, or takes too long: a code and what to do, and no more."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest

from api.settings import Settings
from tests.support import databases
from tests.support.client import Client
from tests.support.serving import serving
from tests.support.socket import Socket, connected

DOWN = ("UNAVAILABLE", "What can be read does not answer at the moment: try again.")
SLOW = ("TIMEOUT", "This takes too long to find: narrow it, with longer words, a filter, or without totalCount.")
SOME_ID = "0199c0de-0000-7000-8000-00000000dead"
QUERIES = {
    "order": f'order(id: "{SOME_ID}") {{ id }}',
    "orders": 'orders(where: {search: "tea"}) { nodes { id } }',
    "totalCount": "orders { totalCount }",
    "users": "users { nodes { id orders { nodes { id } } } }",
    "node": f'node(id: "{SOME_ID}") {{ id }}',
    "dailySales": 'dailySales(from: "2026-01-01", to: "2026-01-02") { date }',
}
CHANGED = "subscription ($id: ID!) { orderChanged(orderId: $id) { id } }"
OF_USER = "subscription ($id: ID!) { userOrdersChanged(userId: $id) { id } }"


@pytest.fixture(scope="module")
def away(settings: Settings) -> Iterator[Settings]:
    """Settings with a read store of its own, which can be taken away."""
    with databases.fresh(settings) as own:
        yield own


@contextmanager
def taken_away(away: Settings, settings: Settings) -> Iterator[None]:
    """Let nobody connect to the read store, and end whoever has."""
    name = httpx.URL(away.read.database_url).path.strip("/")
    with psycopg.connect(settings.write.database_url, autocommit=True) as connection:
        connection.execute(f"alter database {name} allow_connections false".encode())
        connection.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s", [name])
        try:
            yield
        finally:
            connection.execute(f"alter database {name} allow_connections true".encode())


def told(errors: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(error["extensions"]["code"], error["message"]) for error in errors]


def refused(socket: Socket, document: str) -> list[tuple[str, str]]:
    """Return what a subscription is told instead of an order."""
    socket.subscribe("1", document, id=SOME_ID)
    message = socket.hear()
    return told(message["payload"] if message["type"] == "error" else message["payload"]["errors"])


class TestAReadStoreThatIsDown:
    def test_is_told_of_by_queries_and_subscriptions_alike(
        self, away: Settings, settings: Settings, staff_token: str
    ) -> None:
        with serving(away) as served, httpx.Client(base_url=served.url, timeout=20) as http:
            staff = Client(http=http).as_staff()
            asked = f"{{ {QUERIES['orders']} }}"
            assert staff.ask(asked) == {"orders": {"nodes": []}}
            with taken_away(away, settings), connected(served.url, staff_token) as socket:
                for field, query in QUERIES.items():
                    answer = staff.post(f"{{ {query} }}")
                    assert (answer.status_code, told(answer.json()["errors"])) == (200, [DOWN]), field
                assert refused(socket, CHANGED) == [DOWN]
                assert refused(socket, OF_USER) == [DOWN]
            assert staff.ask(asked) == {"orders": {"nodes": []}}


class TestAStatementThatTakesTooLong:
    def test_is_stopped_and_the_client_told_to_narrow_it(self, away: Settings, staff_token: str) -> None:
        with (
            serving(away) as served,
            httpx.Client(base_url=served.url, timeout=20) as http,
            psycopg.connect(away.read.database_url) as holding,
            connected(served.url, staff_token) as socket,
        ):
            holding.execute("lock table user_orders_view in access exclusive mode")
            socket.subscribe("1", CHANGED, id=SOME_ID)
            answer = Client(http=http).as_staff().post(f"{{ {QUERIES['orders']} }}")
            assert (answer.status_code, told(answer.json()["errors"])) == (200, [SLOW])
            message = socket.hear()
            assert told(message["payload"]["errors"] if message["type"] == "next" else message["payload"]) == [SLOW]
