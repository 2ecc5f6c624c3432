"""What does not fit is one clear error with a code, whichever argument of whichever query or subscription it is in."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_leaf_type,
)

from api.schema import create_schema
from tests.support.client import Client

SCHEMA = create_schema()._schema
SOME_ID = UUID("0199c0de-0000-7000-8000-00000000dead")
PYTHON = re.compile(
    r"Traceback|\w+Error\b|Exception|\bNone|\bTrue\b|\bFalse\b|\b(dict|str|float|bool|tuple)\b|object at|<\w|"
    r"Decimal\(|UUID\(|datetime|asyncpg|sqlalchemy|strawberry|psycopg"
)


def sealed(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


# By the names of types: what fits, where an argument is required, and what does not, with the code that says so.
GOOD: dict[str, Any] = {"ID": str(SOME_ID), "Date": "2026-01-31", "OrderSortField": "TOTAL", "SortDirection": "ASC"}
BAD: dict[str, list[Any]] = {
    "ID": ["", "7", "ada", "\0", SOME_ID.urn, f"{{{SOME_ID}}}", SOME_ID.hex, f"{SOME_ID}0", "7" * 10_000, 7, -1],
    "Int": ["ten", "", 1.5, True, 2**31, -(2**31) - 1, 10**30, [[]], {}],
    "Boolean": ["maybe", 1, 0.5, "true", [[]]],
    "Date": ["", "today", "2026-02-30", "2026-1-1", "20260131", "0000-01-01", "10000-01-01", 20260131, True],
    "DateTime": ["", "now", "2026-01-31", "2026-02-30T00:00:00Z", "2026-01-31T25:00:00Z", "0001-01-01T00:00+14:00", 0],
    "Decimal": ["ten", "", "NaN", "Infinity", "-Infinity", "1e9999", "1_000", "0x10", "1,5", True, [[]], {}],
    "ConsistencyToken": [
        *(
            "",
            "nonsense",
            "\0",
            "é",
            "a" * 10_000,
            sealed("1.0.0"),
            sealed("1.0.-1"),
            sealed("1.64.1"),
            sealed("2.0.1"),
        ),
        *(sealed("1.0.1.0.0"), sealed("1.0.1.zz"), sealed(f"1.0.{2**63}"), sealed("1.0.1.5"), sealed("1.x.y"), 5, True),
    ],
    "String": [5, 1.5, True, [[]], {}],
    "input": ["text", 5, True, [[]]],
    "enum": ["LOST", "", "paid", 5, True, [[]], {}],
}
# Arguments that more is asked of than their type says.
OF_PAGES = {"first": [0, -1, 101, 2**31 - 1], "last": [0, -1, 101, 2**31 - 1], "page": [0, -1, 1_000_001]}
CURSORS = [
    *("", "garbage", "\0", "é", "a" * 10_000, sealed("null"), sealed("[]"), sealed("{}"), sealed('["0", "1", "2"]')),
    *(sealed('["0", "NaN", "2"]'), sealed("[" * 5_000), sealed("[1, 2, 3]"), sealed("\x00")),
]
SEARCHES = ["\0", "a" * 201, "a b c d e f g h i j k"]


class Case(NamedTuple):
    root: str
    field: str
    path: tuple[str, ...]
    value: Any

    def __str__(self) -> str:
        return f"{self.field}({'.'.join(self.path)}: {str(self.value)[:20]!a})"


def fields() -> Iterator[tuple[str, str, dict[str, GraphQLArgument]]]:
    for root in (SCHEMA.query_type, SCHEMA.subscription_type):
        assert root is not None
        for name, field in root.fields.items():
            yield root.name, name, field.args


def cases() -> Iterator[Case]:
    for root, name, arguments in fields():
        for argument, known in arguments.items():
            yield from (Case(root, name, path, value) for path, value in misfits((argument,), known))


def misfits(path: tuple[str, ...], known: GraphQLArgument | GraphQLInputField) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield what does not fit an argument, and what does not fit the fields of its input."""
    kind = get_named_type(known.type)
    inner = (
        BAD["input" if isinstance(kind, GraphQLInputObjectType) else "enum"] if kind.name not in BAD else BAD[kind.name]
    )
    for value in inner:
        yield path, value
    if isinstance(known.type, GraphQLNonNull):
        yield path, None
    if is_list(known.type):
        yield path, [None]
        yield from ((path, [value]) for value in inner if value != [[]])
    yield from ((path, value) for value in OF_PAGES.get(path[-1], []) if kind.name == "Int")
    yield from ((path, value) for value in CURSORS if path[-1] in {"after", "before"} and kind.name == "String")
    yield from ((path, value) for value in SEARCHES if path[-1] == "search")
    if isinstance(kind, GraphQLInputObjectType):
        yield path, {**fitting(known), "colour": "red"}
        for name, field in kind.fields.items():
            yield from misfits((*path, name), field)


def is_list(kind: GraphQLInputType) -> bool:
    return isinstance(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, GraphQLList)


def fitting(known: GraphQLArgument | GraphQLInputField) -> Any:
    kind = get_named_type(known.type)
    if not isinstance(kind, GraphQLInputObjectType):
        return GOOD[kind.name]
    return {name: fitting(field) for name, field in kind.fields.items() if isinstance(field.type, GraphQLNonNull)}


def given(case: Case, arguments: dict[str, GraphQLArgument]) -> dict[str, Any]:
    """Return values for a field's arguments: what is required, and the one that does not fit, in its place."""
    values = {name: fitting(known) for name, known in arguments.items() if isinstance(known.type, GraphQLNonNull)}
    place: Any = values
    known: Any = arguments
    for name in case.path[:-1]:
        place = place.setdefault(name, fitting(known[name]))
        known = get_named_type(known[name].type).fields
    place[case.path[-1]] = case.value
    return values


def selection(root: str, field: str) -> str:
    found = SCHEMA.get_type(root).fields[field].type  # type: ignore[union-attr]
    return "" if is_leaf_type(get_named_type(found)) else "{ __typename }"


ARGUMENTS = {(root, name): arguments for root, name, arguments in fields()}


def by_variables(case: Case) -> tuple[str, dict[str, Any]]:
    arguments = ARGUMENTS[case.root, case.field]
    values = given(case, arguments)
    declared = ", ".join(f"${name}: {arguments[name].type}" for name in values)
    passed = ", ".join(f"{name}: ${name}" for name in values)
    return f"{case.root.lower()} ({declared}) {{ {case.field}({passed}) {selection(case.root, case.field)} }}", values


def in_the_document(case: Case) -> str:
    arguments = ARGUMENTS[case.root, case.field]
    values = given(case, arguments)
    passed = ", ".join(f"{name}: {literal(value, arguments[name].type)}" for name, value in values.items())
    return f"{case.root.lower()} {{ {case.field}({passed}) {selection(case.root, case.field)} }}"


def literal(value: Any, kind: GraphQLInputType) -> str:
    """Write a value as a document has it; an enum's is a name if it is like one."""
    named = get_named_type(kind)
    if isinstance(value, dict):
        known = named.fields if isinstance(named, GraphQLInputObjectType) else {}
        inner = (
            f"{name}: {literal(each, known[name].type if name in known else named)}" for name, each in value.items()
        )
        return f"{{{', '.join(inner)}}}"
    if isinstance(value, list):
        return f"[{', '.join(literal(each, kind) for each in value)}]"
    if isinstance(value, str) and isinstance(named, GraphQLEnumType) and value:
        return value
    return json.dumps(value)


def errors(client: Client, case: Case, document: str, variables: dict[str, Any]) -> tuple[int, list[Any]]:
    if case.root == "Query":
        answer = client.post(document, **variables)
        return answer.status_code, answer.json()["errors"]
    headers = {"Authorization": f"Bearer {client.token}", "Accept": "text/event-stream"}
    body = {"query": document, "variables": variables}
    answer = client.http.post("/graphql", json=body, headers=headers)
    [data] = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: {")]
    return answer.status_code, json.loads(data)["errors"]


def code(case: Case) -> str:
    """Return the code that says what is the matter with a value that came by a variable."""
    kind = get_named_type(ARGUMENTS[case.root, case.field][case.path[0]].type).name
    if kind == "ConsistencyToken" and isinstance(case.value, str):
        return "INVALID_TOKEN"
    return "INVALID_CURSOR" if kind == "String" and isinstance(case.value, str) else "BAD_USER_INPUT"


@pytest.mark.parametrize("case", [pytest.param(case, id=str(case)) for case in cases()])
def test_what_does_not_fit_is_one_clear_error(case: Case, staff: Client) -> None:
    for document, variables, expected in (
        (*by_variables(case), {code(case)}),
        (in_the_document(case), {}, {code(case), "GRAPHQL_VALIDATION_FAILED"}),  # the latter where its type is another
    ):
        status, [error] = errors(staff, case, document, variables)
        assert status < 500
        assert error["extensions"]["code"] in expected, error
        assert not PYTHON.search(error["message"]), error
        assert 10 < len(error["message"]) < 600


def test_what_fits_is_no_error(staff: Client) -> None:
    """What all these cases have in common is not what is refused."""
    for (root, name), arguments in ARGUMENTS.items():
        values = {each: fitting(known) for each, known in arguments.items() if isinstance(known.type, GraphQLNonNull)}
        passed = ", ".join(f"{each}: {literal(value, arguments[each].type)}" for each, value in values.items())
        called = f"{name}({passed})" if passed else name
        if root == "Query":
            assert "errors" not in staff.post(f"{{ {called} {selection(root, name)} }}").json(), name
