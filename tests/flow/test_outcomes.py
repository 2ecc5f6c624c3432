"""What an answer is: its media type as accepted, its status by what came of the request, no data where none ran."""

from typing import Any

import pytest

from tests.support.client import Client

GRAPHQL, JSON = "application/graphql-response+json", "application/json"
GRAPHQL_TYPE = f"{GRAPHQL}; charset=utf-8"
BY_ID = "query ($id: ID!) { product(id: $id) { id } }"

# What is asked; the status in each media type, the entries of the answer and the codes of its errors.
OUTCOMES: dict[str, tuple[dict[str, Any], int, int, list[str], list[str]]] = {
    "a query": ({"query": "{ __typename }"}, 200, 200, ["data", "extensions"], []),
    "an error in a field": (
        {"query": '{ user(id: "0193b0f0-0000-7000-8000-000000000001") { id } }'},
        200,
        200,
        ["data", "errors", "extensions"],
        ["UNAUTHENTICATED"],
    ),
    "no GraphQL": ({"query": "{"}, 400, 200, ["errors"], ["GRAPHQL_PARSE_FAILED"]),
    "no such field": ({"query": "{ secrets }"}, 400, 200, ["errors"], ["GRAPHQL_VALIDATION_FAILED"]),
    "variables that do not fit": ({"query": BY_ID}, 400, 200, ["errors"], ["BAD_USER_INPUT"]),
    "no operation": ({"query": "fragment F on Product { id }"}, 400, 400, ["errors"], ["BAD_REQUEST"]),
    "no document": ({"variables": {}}, 400, 400, ["errors"], ["BAD_REQUEST"]),
    "a hash of nothing": (
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}},
        400,
        200,
        ["errors"],
        ["PERSISTED_QUERY_NOT_FOUND"],
    ),
}


class TestAnAnswer:
    @pytest.mark.parametrize("case", OUTCOMES)
    def test_says_what_came_of_the_request(self, nobody: Client, case: str) -> None:
        asked, in_graphql, in_json, entries, codes = OUTCOMES[case]
        for accepted, kind, status in [(GRAPHQL, GRAPHQL_TYPE, in_graphql), (JSON, JSON, in_json)]:
            answer = nobody.http.post("/graphql", json=asked, headers={"Accept": accepted})
            assert (answer.headers["Content-Type"], answer.status_code) == (kind, status)
            body = answer.json()
            assert list(body) == entries
            assert [error["extensions"]["code"] for error in body.get("errors", [])] == codes

    def test_to_a_token_that_does_not_hold_is_401(self, nobody: Client) -> None:
        answer = nobody.http.post("/graphql", json={"query": "{ __typename }"}, headers={"Authorization": "Bearer x"})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["UNAUTHENTICATED"]

    @pytest.mark.parametrize(("method", "accept"), [("POST", "image/png"), ("GET", "text/event-stream")])
    def test_that_nobody_could_read_is_not_given(self, method: str, accept: str, nobody: Client) -> None:
        query = {"query": "{ __typename }"}
        asked: dict[str, Any] = {"json": query} if method == "POST" else {"params": query}
        answer = nobody.http.request(method, "/graphql", **asked, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["Content-Type"]) == (406, JSON)
        message = f"Accept {GRAPHQL}, {JSON} or, with a POST, text/event-stream."
        assert answer.json() == {"errors": [{"message": message, "extensions": {"code": "NOT_ACCEPTABLE"}}]}
