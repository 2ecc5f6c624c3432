"""Reading one's own writes: a token is waited for, for two seconds, and never taken for more than it is."""

from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from uuid import uuid4

import pytest

from api.consistency import Token
from tests.support.client import Client

USER = "query ($id: ID!, $token: ConsistencyToken) { user(id: $id, consistentWith: $token) { name orderCount } }"
STALE = ("STALE_READ", "What you wrote is stored, but not shown here yet: ask again with the same token.")
INVALID = ("INVALID_TOKEN", "This is not a consistency token: give one that a command returned, unchanged.")

FIELDS = {
    "order": "query ($id: ID!, $token: ConsistencyToken) { order(id: $id, consistentWith: $token) { id } }",
    "userOrders": """
        query ($id: ID!, $token: ConsistencyToken) { userOrders(userId: $id, consistentWith: $token) { totalCount } }
    """,
    "orders": "query ($token: ConsistencyToken) { orders(consistentWith: $token) { totalCount } }",
    "user": USER,
    "users": "query ($token: ConsistencyToken) { users(consistentWith: $token) { totalCount } }",
    "product": "query ($id: ID!, $token: ConsistencyToken) { product(id: $id, consistentWith: $token) { id } }",
    "products": "query ($token: ConsistencyToken) { products(consistentWith: $token) { totalCount } }",
}
EVERY_FIELD = pytest.mark.parametrize("field", FIELDS)


def arguments(field: str) -> dict[str, str]:
    return {"id": str(uuid4())} if "$id" in FIELDS[field] else {}


def encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


class TestAToken:
    def test_makes_every_write_visible_to_the_read_that_brings_it(self, nobody: Client, staff: Client) -> None:
        product = staff.added()
        for number in range(20):
            name = f"Ada {number}"
            registered = nobody.give(
                "registerUser", {"name": name, "email": f"{uuid4().hex}@example.com"}, select="userId"
            )
            user = registered["userId"]
            assert staff.ask(USER, id=user, token=registered["token"]) == {"user": {"name": name, "orderCount": 0}}
            ordered = staff.give("createOrder", {"userId": user, "items": [{"productId": product, "quantity": 1}]})
            assert staff.ask(USER, id=user, token=ordered["token"]) == {"user": {"name": name, "orderCount": 1}}

    def test_beyond_the_log_is_waited_for_two_seconds_and_then_refused(self, nobody: Client, staff: Client) -> None:
        written = Token.parse(
            nobody.give("registerUser", {"name": "Ada", "email": f"{uuid4().hex}@example.com"})["token"]
        )
        beyond = Token(partition=written.partition, position=written.position + 1_000_000)

        def ask(field: str) -> tuple[list[tuple[str, str]], float]:
            began = monotonic()
            refused = staff.errors(FIELDS[field], token=str(beyond), **arguments(field))
            return refused, monotonic() - began

        with ThreadPoolExecutor(len(FIELDS)) as at_once:
            answers = list(at_once.map(ask, FIELDS))
        assert [refused for refused, _ in answers] == [[STALE]] * len(FIELDS)
        assert all(1.9 < seconds < 3 for _, seconds in answers)

    @EVERY_FIELD
    @pytest.mark.parametrize(
        "token",
        [
            "",
            "garbage",
            "é",
            "a" * 10_000,
            encoded("1.7"),
            encoded("1.7.0"),
            encoded("1.7.-1"),
            encoded("1.64.1"),
            encoded("1.-1.1"),
            encoded("2.7.1"),
            encoded("1.7.x"),
            encoded(f"1.7.{1 << 63}"),
            encoded(f"1.7.{'9' * 5000}"),
        ],
        ids=lambda token: token[:20] or "nothing",
    )
    def test_that_is_none_is_refused_at_once(self, field: str, token: str, staff: Client) -> None:
        began = monotonic()
        assert staff.errors(FIELDS[field], token=token, **arguments(field)) == [INVALID]
        assert monotonic() - began < 1

    def test_of_a_replayed_command_is_the_first_one_s(self, nobody: Client) -> None:
        given = {"name": "Ada", "email": f"{uuid4().hex}@example.com", "idempotencyKey": uuid4().hex}
        first = nobody.give("registerUser", given)
        assert nobody.give("registerUser", given)["token"] == first["token"]

    def test_grants_nothing(self, nobody: Client) -> None:
        registered = nobody.give(
            "registerUser", {"name": "Ada", "email": f"{uuid4().hex}@example.com"}, select="userId"
        )
        [(code, _)] = nobody.errors(USER, id=registered["userId"], token=registered["token"])
        assert code == "UNAUTHENTICATED"
