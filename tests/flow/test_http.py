"""What is no GraphQL request is told so: in JSON, with a code, as the sender's fault, and without Python's words."""

import gzip
import re
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest

from api.asked import LONGEST_BODY
from tests.support.client import Client

PYTHON = re.compile(
    r"Traceback|File \"|<class|<function|object at 0x|NoneType|Error\(|Exception|strawberry|orjson", re.IGNORECASE
)
JSON = {"Content-Type": "application/json"}


def told(answer: httpx.Response) -> list[str]:
    """Return the codes that an answer gives, which is JSON and says nothing of what it is made of."""
    assert answer.headers["Content-Type"].startswith(("application/json", "application/graphql-response+json"))
    assert not PYTHON.search(answer.text), answer.text
    return [error["extensions"]["code"] for error in answer.json()["errors"]]


def registering(email: str) -> str:
    """Return a command that succeeds once."""
    return f'mutation {{ registerUser(input: {{name: "Eve", email: "{email}"}}) {{ __typename }} }}'


class TestABody:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"not json",
            b'{"query": ',
            b"\xff\xfe",
            b"7",
            b"null",
            b'"{ products { totalCount } }"',
            b"[]",
            b"[7]",
            b"{}",
            b'{"query": null}',
            b'{"query": 7}',
            b'{"query": ["{ products { totalCount } }"]}',
            b'{"query": "{ products { totalCount } }", "variables": 7}',
            b'{"query": "{ products { totalCount } }", "variables": "{"}',
            b'{"query": "{ products { totalCount } }", "variables": [1]}',
            b'{"query": "{ products { totalCount } }", "operationName": 7}',
            b'{"query": "{ products { totalCount } }", "extensions": 7}',
            b"[" * 50_000,
        ],
        ids=lambda body: body[:60].decode(errors="replace") or "nothing",
    )
    def test_that_is_no_request_is_a_bad_one(self, nobody: Client, body: bytes) -> None:
        answer = nobody.http.post("/graphql", content=body, headers=JSON)
        assert answer.status_code == 400
        assert told(answer) == ["BAD_REQUEST"]

    @pytest.mark.parametrize(
        "kind",
        [
            None,
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/plain; application/json",
            "application/graphql",
            "application/json; charset=utf-16",
        ],
    )
    def test_of_another_content_type_is_not_taken(self, nobody: Client, kind: str | None) -> None:
        """A page of another site can make a browser send the first four, and must not order anything by it."""
        email = f"{uuid4().hex}@example.com"
        headers = {"Content-Type": kind} if kind else {}
        answer = nobody.http.post("/graphql", content=orjson.dumps({"query": registering(email)}), headers=headers)
        assert answer.status_code == 415
        assert told(answer) == ["UNSUPPORTED_MEDIA_TYPE"]
        assert nobody.ask(registering(email))["registerUser"] == {"__typename": "UserAccepted"}

    def test_that_is_compressed_is_not_taken(self, nobody: Client) -> None:
        body = gzip.compress(b'{"query": "{ products { totalCount } }"}')
        answer = nobody.http.post("/graphql", content=body, headers={**JSON, "Content-Encoding": "gzip"})
        assert answer.status_code == 415
        assert told(answer) == ["UNSUPPORTED_MEDIA_TYPE"]

    @pytest.mark.parametrize("declared", [True, False], ids=["in one piece", "in pieces"])
    def test_longer_than_any_request_is_not_taken(self, nobody: Client, declared: bool) -> None:
        body = b'{"query": "' + b"a" * LONGEST_BODY + b'"}'
        content = body if declared else iter([body[:1000], body[1000:]])
        answer = nobody.http.post("/graphql", content=content, headers=JSON)
        assert answer.status_code == 413
        assert told(answer) == ["PAYLOAD_TOO_LARGE"]

    def test_that_is_quoted_is_quoted_in_part(self, nobody: Client) -> None:
        answer = nobody.http.post("/graphql", json={"query": "{ " + "a" * 10_000 + " }"})
        assert told(answer) == ["GRAPHQL_VALIDATION_FAILED"]
        assert len(answer.content) < 1000

    def test_of_several_operations_at_once_is_not_taken(self, nobody: Client) -> None:
        body = [{"query": "{ products { totalCount } }"}] * 2
        answer = nobody.http.post("/graphql", json=body)
        assert 400 <= answer.status_code < 500
        assert told(answer) == ["BAD_REQUEST"]


class TestAMethod:
    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_other_than_get_and_post_is_not_allowed(self, nobody: Client, method: str) -> None:
        answer = nobody.http.request(method, "/graphql", params={"query": "{ products { totalCount } }"})
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, POST")
        assert told(answer) == ["METHOD_NOT_ALLOWED"]


TWO = "query A { products { totalCount } } query B { products { totalCount } }"


class TestADocument:
    @pytest.mark.parametrize(
        ("asked", "code"),
        [
            ({"query": ""}, "BAD_REQUEST"),
            ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
            ({"query": "{ products { totalCount } } \0"}, "GRAPHQL_PARSE_FAILED"),
            ({"query": "{" * 3000}, "GRAPHQL_PARSE_FAILED"),
            ({"query": "{ secrets }"}, "GRAPHQL_VALIDATION_FAILED"),
            ({"query": "{ products }"}, "GRAPHQL_VALIDATION_FAILED"),
            ({"query": "{ product(id: 7.5) { id } }"}, "GRAPHQL_VALIDATION_FAILED"),
            ({"query": "fragment F on Product { id }"}, "BAD_REQUEST"),
            ({"query": TWO}, "BAD_REQUEST"),
            ({"query": TWO, "operationName": "C"}, "BAD_REQUEST"),
            ({"query": "query ($id: ID!) { product(id: $id) { id } }"}, "BAD_USER_INPUT"),
            ({"query": "query ($id: ID!) { product(id: $id) { id } }", "variables": {"id": [1]}}, "BAD_USER_INPUT"),
            ({"query": '{ product(id: "7") { id } }'}, "BAD_USER_INPUT"),
            ({"query": '{ product(id: "\\u0000") { id } }'}, "BAD_USER_INPUT"),
            ({"query": "{ products(first: true) { totalCount } }"}, "GRAPHQL_VALIDATION_FAILED"),
            ({"query": "subscription { orderChanged }"}, "BAD_REQUEST"),
        ],
        ids=[
            "nothing",
            "cut off",
            "NUL",
            "too deep",
            "unknown field",
            "nothing selected",
            "a fraction for an id",
            "no operation",
            "two operations, none named",
            "two operations, another named",
            "a variable left out",
            "a variable of another type",
            "an id that is none",
            "an id with NUL",
            "a value of another type",
            "a subscription, for which this is no stream",
        ],
    )
    def test_that_cannot_be_carried_out_is_told_why(self, nobody: Client, asked: dict[str, Any], code: str) -> None:
        answer = nobody.http.post("/graphql", json=asked)
        assert answer.status_code in {200, 400}
        assert set(told(answer)) == {code}

    def test_with_a_lone_surrogate_is_told_why(self, nobody: Client) -> None:
        body = b'{"query": "query ($search: String) { products(where: {search: $search}) { totalCount } }", '
        answer = nobody.http.post("/graphql", content=body + b'"variables": {"search": "\\ud800"}}', headers=JSON)
        assert answer.status_code == 400
        assert told(answer) == ["BAD_REQUEST"]


class TestAnUnknownPath:
    def test_is_not_found(self, nobody: Client) -> None:
        answer = nobody.http.get("/nowhere")
        assert answer.status_code == 404
        assert not PYTHON.search(answer.text)
