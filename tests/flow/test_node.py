"""node, me and users through HTTP: anything by its id, oneself, and everybody, for whoever may see them."""

from typing import Any
from uuid import uuid4

import pytest

from tests.support.client import Client

NODE = """
    query ($id: ID!) { node(id: $id) {
      __typename id ... on Order { number } ... on User { name } ... on Product { sku price { amount } }
    } }
"""
ME = "{ me { id name orders { nodes { id } totalCount } } }"
USERS = """
    query ($where: UserFilter, $first: Int, $after: String, $last: Int, $before: String) {
      users(where: $where, first: $first, after: $after, last: $last, before: $before) {
        nodes { id } edges { cursor } totalCount pageInfo { hasPreviousPage hasNextPage startCursor endCursor }
      }
    }
"""


@pytest.fixture(scope="module")
def ada(nobody: Client) -> str:
    return nobody.registered("Ada")


@pytest.fixture(scope="module")
def tea(staff: Client) -> str:
    return staff.added("Tea", sku=f"tea-{uuid4().hex}", price="9.99")


@pytest.fixture(scope="module")
def order(staff: Client, ada: str, tea: str) -> str:
    return staff.ordered(ada, tea)


def told(client: Client, id_: str) -> Any:
    return client.ask(NODE, id=id_)["node"]


class TestANode:
    def test_is_whatever_has_that_id(self, staff: Client, ada: str, tea: str, order: str) -> None:
        number = staff.ask("query ($id: ID!) { order(id: $id) { number } }", id=order)["order"]["number"]
        sku = staff.ask("query ($id: ID!) { product(id: $id) { sku } }", id=tea)["product"]["sku"]
        assert told(staff, order) == {"__typename": "Order", "id": order, "number": number}
        assert told(staff, ada) == {"__typename": "User", "id": ada, "name": "Ada"}
        assert told(staff, tea) == {"__typename": "Product", "id": tea, "sku": sku, "price": {"amount": "9.99"}}
        assert told(staff, str(uuid4())) is None

    def test_is_found_whatever_the_document_speaks_of(self, staff: Client, ada: str, tea: str, order: str) -> None:
        for id_ in (ada, tea, order):
            assert staff.ask("query ($id: ID!) { node(id: $id) { id } }", id=id_) == {"node": {"id": id_}}
        only_orders = "query ($id: ID!) { node(id: $id) { ... on Order { number } __typename } }"
        assert staff.ask(only_orders, id=tea) == {"node": {"__typename": "Product"}}

    def test_of_another_is_like_one_that_does_not_exist(self, nobody: Client, ada: str, tea: str, order: str) -> None:
        mine, another = nobody.as_customer(ada), nobody.as_customer(nobody.registered())
        seen = {"mine": mine, "another": another, "nobody": nobody}
        shown = {name: [told(who, id_) is not None for id_ in (order, ada, tea)] for name, who in seen.items()}
        assert shown == {
            "mine": [True, True, True],
            "another": [False, False, True],
            "nobody": [False, False, True],
        }
        unknown, hers = [another.post(NODE, id=id_).json()["data"] for id_ in (str(uuid4()), order)]
        assert unknown == hers == {"node": None}

    def test_shows_the_orders_of_a_user(self, staff: Client, ada: str, order: str) -> None:
        document = "query ($id: ID!) { node(id: $id) { ... on User { orders { nodes { id } } } } }"
        assert staff.ask(document, id=ada) == {"node": {"orders": {"nodes": [{"id": order}]}}}

    @pytest.mark.parametrize("given", ["", "5", "T3JkZXI6MQ==", "\0"])
    def test_has_a_uuid_for_its_id(self, nobody: Client, given: str) -> None:
        assert nobody.errors(NODE, id=given) == [
            ("BAD_USER_INPUT", "id must be a UUID, such as 0190b6a4-3c5e-7d2a-9f00-6c1b2a3d4e5f.")
        ]


class TestMe:
    def test_is_the_customer_itself(self, nobody: Client, ada: str, order: str) -> None:
        assert nobody.as_customer(ada).ask(ME) == {
            "me": {"id": ada, "name": "Ada", "orders": {"nodes": [{"id": order}], "totalCount": 1}}
        }

    def test_is_null_for_a_customer_who_is_not_registered(self, nobody: Client) -> None:
        assert nobody.as_customer(uuid4()).ask(ME) == {"me": None}

    def test_is_null_for_staff_that_is_no_user(self, staff: Client) -> None:
        assert staff.ask(ME) == {"me": None}


class TestUsers:
    def test_are_found_by_words_in_name_and_email_newest_first(self, nobody: Client, staff: Client) -> None:
        word = uuid4().hex
        ada = nobody.registered(f"Ada {word}", email=f"countess-{word}@example.com")
        grace = nobody.registered(f"Grace {word}")

        def found(search: str) -> list[str]:
            page = staff.ask(USERS, where={"search": search})["users"]
            assert page["totalCount"] == len(page["nodes"])
            return [node["id"] for node in page["nodes"]]

        assert found(word) == [grace, ada]
        assert found(f"{word[4:20].upper()} ad") == [ada]
        assert found(f"Countess-{word}@example") == [ada]
        assert found(f"grace countess {word}") == []
        assert found(f"{word} race") == [grace]

    def test_come_page_by_page_both_ways(self, nobody: Client, staff: Client) -> None:
        word = uuid4().hex
        mine = [nobody.registered(f"Ada {word}") for _ in range(5)][::-1]
        where = {"search": word}
        first = staff.ask(USERS, where=where, first=2)["users"]
        second = staff.ask(USERS, where=where, first=2, after=first["pageInfo"]["endCursor"])["users"]
        back = staff.ask(USERS, where=where, last=1, before=second["pageInfo"]["startCursor"])["users"]
        shown = [[node["id"] for node in page["nodes"]] for page in (first, second, back)]
        assert shown == [mine[:2], mine[2:4], mine[1:2]]
        around = [
            (page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]) for page in (first, second, back)
        ]
        assert around == [(False, True), (True, True), (True, True)]

    def test_that_are_not_searched_for_refuse_the_cursor_of_a_search(self, nobody: Client, staff: Client) -> None:
        word = uuid4().hex
        nobody.registered(f"Ada {word}")
        cursor = staff.ask(USERS, where={"search": word})["users"]["pageInfo"]["endCursor"]
        [(code, _)] = staff.errors(USERS, after=cursor)
        assert code == "INVALID_CURSOR"
