"""In production strangers learn nothing of the schema but by using it, whatever way a document takes."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from api.settings import Environment, Settings
from tests.support.client import Client
from tests.support.serving import serving
from tests.support.socket import connected

INTROSPECTION = "GraphQL introspection has been disabled, but the requested query contained the field '{}'."
INVALID = "GRAPHQL_VALIDATION_FAILED"
Errors = list[tuple[str, str]]
REFUSED: dict[str, tuple[str, Errors]] = {
    "introspection": (
        "{ __schema { queryType { name } } }",
        [(INVALID, INTROSPECTION.format("__schema")), (INVALID, INTROSPECTION.format("queryType"))],
    ),
    "introspection beside what can be planned": (
        '{ products(first: 1) { totalCount } kind: __type(name: "Order") { name } }',
        [(INVALID, INTROSPECTION.format("__type"))],
    ),
    "introspection in a fragment": (
        'query { ...all } fragment all on Query { __type(name: "Order") { name } }',
        [(INVALID, INTROSPECTION.format("__type"))],
    ),
    "introspection in a long document": (
        f'# {"long " * 4000}\n{{ __type(name: "Order") {{ name }} }}',
        [("DOCUMENT_TOO_COMPLEX", "The document has 20037 characters, and may have 16384: send values as variables.")],
    ),
    "a field": ("{ prducts { totalCount } }", [(INVALID, "Cannot query field 'prducts' on type 'Query'.")]),
    "a field of an interface": (
        '{ node(id: "x") { sku } }',
        [(INVALID, "Cannot query field 'sku' on type 'Node'.")],
    ),
    "an argument": (
        "{ products(frst: 1) { totalCount } }",
        [(INVALID, "Unknown argument 'frst' on field 'Query.products'.")],
    ),
    "a type": ("{ products { ... on Prduct { name } } }", [(INVALID, "Unknown type 'Prduct'.")]),
}


@pytest.fixture(scope="module", params=[True, False], ids=["compiled", "plain"])
def production(settings: Settings, request: pytest.FixtureRequest) -> Iterator[Client]:
    closed = replace(settings, environment=Environment.PRODUCTION, compiled_reads=request.param)
    with serving(closed) as served, httpx.Client(base_url=served.url, timeout=10) as http:
        yield Client(http=http).as_staff()


class TestProduction:
    @pytest.mark.parametrize("what", REFUSED)
    def test_tells_nothing_to_who_guesses(self, production: Client, what: str) -> None:
        document, errors = REFUSED[what]
        assert [production.errors(document) for _ in range(2)] == [errors, errors]

    def test_suggests_nothing_amid_what_is_wrong_with_a_variable(self, production: Client) -> None:
        document = "mutation ($of: RenameUserInput!) { renameUser(input: $of) { __typename } }"
        [(code, message), *_] = production.errors(document, of={"userId": "7", "name": "Ada", "nam": ""})
        assert code == "BAD_USER_INPUT"
        assert message == (
            "Variable '$of' has invalid value: Expected value of type 'RenameUserInput' not to include unknown field "
            '\'nam\'. Found: {"userId": "7", "name": "Ada", "nam": ""}.'
        )

    def test_answers_what_is_asked_with_the_names_of_types(self, production: Client) -> None:
        assert production.ask("{ __typename products(first: 1) { __typename } }") == {
            "__typename": "Query",
            "products": {"__typename": "ProductConnection"},
        }

    def test_has_no_graphiql_and_does_not_lead_there(self, production: Client) -> None:
        assert production.http.get("/graphiql").status_code == 404
        assert "graphiql" not in production.http.get("/").raise_for_status().text.lower()

    @pytest.mark.parametrize("what", ["introspection", "introspection in a long document", "a field"])
    def test_tells_nothing_in_a_stream_either(self, production: Client, what: str) -> None:
        document, errors = REFUSED[what]
        with connected(str(production.http.base_url), production.token) as socket:
            socket.subscribe("1", document)
            heard = socket.hear()
        assert (heard["type"], codes_and_messages(heard["payload"])) == ("error", errors)
        events = {"Accept": "text/event-stream"}
        body = production.http.post("/graphql", json={"query": document}, headers=events).text
        [data] = [line for line in body.splitlines() if line.startswith("data: {")]
        assert codes_and_messages(json.loads(data.removeprefix("data: "))["errors"]) == errors


def codes_and_messages(errors: list[dict[str, Any]]) -> Errors:
    return [(error["extensions"]["code"], error["message"]) for error in errors]


class TestDevelopment:
    def test_tells_all(self, nobody: Client) -> None:
        assert nobody.ask("{ __schema { queryType { name } } }") == {"__schema": {"queryType": {"name": "Query"}}}
        assert nobody.errors("{ prducts { totalCount } }") == [
            (INVALID, "Cannot query field 'prducts' on type 'Query'. Did you mean 'products' or 'product'?")
        ]
