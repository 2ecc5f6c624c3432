"""Top-level errors: a stable code on each, and what nobody expected masked, numbered and logged."""

import logging
import re
from typing import Any

import pytest
import strawberry
from sqlalchemy.exc import OperationalError

from api.errors import Forbidden, StaleRead
from api.schema import Schema, create_schema
from domain.bus import UnavailableError
from tasks import logs

SECRET = "postgresql://ada:secret@db/write"  # what must not be in an answer
THE_SCHEMA = create_schema()


@strawberry.type
class Query:
    @strawberry.field
    def defect(self) -> str:
        raise OperationalError(SECRET, None, Exception(SECRET))

    @strawberry.field
    def nothing(self) -> str:
        return None  # type: ignore[return-value] - the defect that this is about

    @strawberry.field
    def unavailable(self) -> str:
        raise UnavailableError

    @strawberry.field
    def forbidden(self) -> str:
        raise Forbidden

    @strawberry.field
    def stale(self) -> str:
        raise StaleRead

    @strawberry.field
    def fine(self) -> str | None:
        return "fine"


FAILING = Schema(query=Query)


async def errors(query: str, variables: dict[str, Any] | None = None, *, schema: Schema = THE_SCHEMA) -> list[Any]:
    result = await schema.execute(query, variable_values=variables)
    return [error.formatted for error in result.errors or []]


@pytest.fixture(autouse=True)
def request_id() -> str:
    return logs.begin()


async def raised(field: str) -> dict[str, Any]:
    [error] = await errors(f"{{ {field} }}", schema=FAILING)
    return error


def product(argument: str) -> str:
    return f'{{ product(id: "0190b6a4-0000-7000-8000-000000000002", {argument}) {{ id }} }}'


class TestCodes:
    @pytest.mark.parametrize(
        ("query", "variables", "code"),
        [
            ("{", None, "GRAPHQL_PARSE_FAILED"),
            ("query { product(", None, "GRAPHQL_PARSE_FAILED"),
            ('{ product(id: "\\ud800") { id } }', None, "GRAPHQL_PARSE_FAILED"),
            ("{ helo }", None, "GRAPHQL_VALIDATION_FAILED"),
            ("{ product { id } }", None, "GRAPHQL_VALIDATION_FAILED"),
            ("{ ...A } fragment A on Query { ...A }", None, "GRAPHQL_VALIDATION_FAILED"),
            ("{ products(first: $first) { totalCount } }", None, "GRAPHQL_VALIDATION_FAILED"),
            ('{ products(first: "$5") { totalCount } }', None, "GRAPHQL_VALIDATION_FAILED"),
            (product("consistentWith: 5"), None, "GRAPHQL_VALIDATION_FAILED"),
            ("query ($n: Int) { products(first: $n) { totalCount } }", {"n": "two"}, "BAD_USER_INPUT"),
            ("query ($n: Int!) { products(first: $n) { totalCount } }", {}, "BAD_USER_INPUT"),
            ("query ($t: ConsistencyToken) " + product("consistentWith: $t"), {"t": 5}, "BAD_USER_INPUT"),
        ],
    )
    async def test_tells_what_is_at_fault(self, query: str, variables: dict[str, Any] | None, code: str) -> None:
        assert [error["extensions"] for error in await errors(query, variables)] == [{"code": code}]

    async def test_says_null_and_true_as_json_does(self) -> None:
        document = "query ($id: ID!, $n: Int) { product(id: $id) { id } products(first: $n) { totalCount } }"
        assert [error["message"] for error in await errors(document, {"id": None, "n": True})] == [
            "Variable '$id' has invalid value: Expected value of non-null type 'ID!' not to be null.",
            "Variable '$n' has invalid value: Int cannot represent non-integer value: true",
        ]

    @pytest.mark.parametrize(
        ("item", "says"),
        [
            (
                {"quantity": 1, "x": None},
                ' to include required field \'productId\', found: {"quantity": 1, "x": null}.',
            ),
            ({"productId": ["its"], "quantity": 1}, 'ID cannot represent value: ["its"]'),
            ({"productId": "None", "quantity": "found: 1"}, 'Int cannot represent non-integer value: "found: 1"'),
            ({"productId": "a" * 300, "quantity": "b" * 300}, "Int cannot represent non-integer value."),
            ({"productId": [[[1]]], "quantity": 1}, "ID cannot represent value."),
            ("é", 'to be an object, found: "é".'),
        ],
    )
    async def test_tells_values_as_json_or_not_at_all(self, item: object, says: str) -> None:
        document = "mutation ($of: AddOrderItemInput!) { addOrderItem(input: $of) { __typename } }"
        messages = [error["message"] for error in await errors(document, {"of": {"orderId": "1", "item": item}})]
        assert [message for message in messages if message.endswith(says)], messages
        assert not [message for message in messages if re.search(r"[:\[{] '|None", message)], messages

    async def test_leaves_values_of_a_document_as_they_are_written(self) -> None:
        document = '{ products(first: {a: "None"}) { totalCount } }'
        assert [error["message"] for error in await errors(document)] == [
            'Int cannot represent non-integer value: { a: "None" }'
        ]

    async def test_leaves_an_answer_without_errors_alone(self) -> None:
        result = await FAILING.execute("{ fine }")
        assert (result.data, result.errors) == ({"fine": "fine"}, None)

    async def test_keeps_a_code_that_is_there(self) -> None:
        assert (await raised("forbidden"))["extensions"] == {"code": "FORBIDDEN"}
        assert await raised("stale") == {
            "message": "What you wrote is stored, but not shown here yet: ask again with the same token.",
            "locations": [{"line": 1, "column": 3}],
            "path": ["stale"],
            "extensions": {"code": "STALE_READ"},
        }

    async def test_says_what_to_do_while_the_store_does_not_answer(self, caplog: pytest.LogCaptureFixture) -> None:
        assert await raised("unavailable") == {
            "message": "The store does not answer, and whether this was done is not known: "
            "send it again, with its idempotencyKey.",
            "locations": [{"line": 1, "column": 3}],
            "path": ["unavailable"],
            "extensions": {"code": "UNAVAILABLE"},
        }
        assert caplog.records == []

    @pytest.mark.parametrize("field", ["defect", "nothing"])
    async def test_masks_what_nobody_expected_and_logs_it_under_the_same_number(
        self, field: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        error = await raised(field)

        reference = logs.correlation_id.get()
        assert error == {
            "message": f"Something went wrong here; its number is {reference}.",
            "locations": [{"line": 1, "column": 3}],
            "path": [field],
            "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": reference},
        }
        assert caplog.record_tuples == [("api.errors", logging.ERROR, "unexpected_error")]
        assert logs.fields(caplog.records[0]) == {"correlation_id": reference}

    async def test_logs_the_whole_of_it(self, caplog: pytest.LogCaptureFixture) -> None:
        await raised("defect")
        assert SECRET in caplog.text
        assert "Traceback" in caplog.text

    async def test_does_not_log_what_a_client_got_wrong(self, caplog: pytest.LogCaptureFixture) -> None:
        await errors("{ helo }")
        await raised("forbidden")
        assert caplog.records == []
