"""Queries by GET, as the GraphQL-over-HTTP draft has them; and nothing that changes anything."""

from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest

from api.asked import LONGEST_QUERY_STRING
from tests.support.client import Client

COUNT = '{ products(where: {search: "no such thing"}) { totalCount } }'
SEARCH = "query Search($where: ProductFilter) { products(where: $where) { totalCount } }"
NOTHING_FOUND = {"products": {"totalCount": 0}}


def get(client: Client, **parameters: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {client.token}"} if client.token else {}
    return client.http.get("/graphql", params=parameters, headers=headers)


def refusal(answer: httpx.Response) -> tuple[int, list[str]]:
    return answer.status_code, [error["extensions"]["code"] for error in answer.json()["errors"]]


class TestAQuery:
    def test_is_answered_and_not_kept_on_the_way(self, nobody: Client) -> None:
        answer = get(nobody, query=COUNT)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
        assert answer.json()["data"] == NOTHING_FOUND

    def test_has_its_variables_and_its_operation_as_parameters(self, nobody: Client) -> None:
        variables = orjson.dumps({"where": {"search": "no such thing"}}).decode()
        document = f"{SEARCH} query Other {{ products {{ totalCount }} }}"
        answer = get(nobody, query=document, operationName="Search", variables=variables, extensions='{"a": 1}')
        assert answer.json()["data"] == NOTHING_FOUND

    def test_takes_an_empty_parameter_for_none(self, nobody: Client) -> None:
        answer = get(nobody, query=COUNT, operationName="", variables="", extensions="", documentId="")
        assert answer.json()["data"] == NOTHING_FOUND

    def test_knows_who_asks(self, nobody: Client) -> None:
        user = nobody.registered("Ada")
        document = f'{{ user(id: "{user}") {{ name }} }}'
        assert get(nobody.as_customer(user), query=document).json()["data"] == {"user": {"name": "Ada"}}
        assert get(nobody, query=document).json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}

    @pytest.mark.parametrize(
        "parameters",
        [
            {},
            {"query": ""},
            {"query": COUNT, "variables": "{"},
            {"query": COUNT, "variables": "[1]"},
            {"query": COUNT, "variables": "7"},
            {"query": COUNT, "extensions": "seven"},
            {"query": COUNT, "operationName": "Other"},
            {"query": [COUNT, COUNT]},
        ],
    )
    def test_that_is_none_is_a_bad_request(self, nobody: Client, parameters: dict[str, Any]) -> None:
        assert refusal(get(nobody, **parameters)) == (400, ["BAD_REQUEST"])

    def test_longer_than_a_query_string_may_be_is_told_to_be_a_post(self, nobody: Client) -> None:
        assert refusal(get(nobody, query=COUNT + "#" * LONGEST_QUERY_STRING)) == (414, ["URI_TOO_LONG"])


class TestAMutation:
    @pytest.mark.parametrize("others", ["", "query First { products { totalCount } }"], ids=["alone", "named"])
    def test_is_not_carried_out(self, nobody: Client, others: str) -> None:
        email = f"{uuid4().hex}@example.com"
        document = f'mutation Do {{ registerUser(input: {{name: "Eve", email: "{email}"}}) {{ __typename }} }}'
        answer = get(nobody, query=others + document, operationName="Do")
        assert refusal(answer) == (405, ["METHOD_NOT_ALLOWED"])
        assert answer.headers["Allow"] == "POST"
        assert nobody.ask(document)["registerUser"] == {"__typename": "UserAccepted"}

    def test_is_not_carried_out_for_a_post_that_brings_it_in_its_address(self, nobody: Client) -> None:
        email = f"{uuid4().hex}@example.com"
        document = f'mutation {{ registerUser(input: {{name: "Eve", email: "{email}"}}) {{ __typename }} }}'
        answer = nobody.http.post("/graphql", params={"query": document}, headers={"Content-Type": "text/plain"})
        assert refusal(answer) == (415, ["UNSUPPORTED_MEDIA_TYPE"])
        assert nobody.ask(document)["registerUser"] == {"__typename": "UserAccepted"}


class TestASubscription:
    def test_is_told_that_one_answer_is_no_stream(self, nobody: Client) -> None:
        assert refusal(get(nobody, query="subscription { orderChanged }")) == (400, ["BAD_REQUEST"])
