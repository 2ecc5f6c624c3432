"""What a document cannot do to a server in production."""

import json
from typing import Any

import pytest

from api import known_documents
from api.cost import Limits
from api.schema import create_schema
from tests.support.client import Client
from tests.support.serving import Served
from tests.support.socket import connected

INTROSPECTION = "GraphQL introspection has been disabled, but the requested query contained the field '__schema'."
EVENTS = {"Accept": "text/event-stream"}
ID = "0199c0de-0000-7000-8000-00000000dead"


@pytest.fixture
def validated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What comes as far as to be validated, which is what takes time."""
    seen: list[str] = []
    validate = known_documents.validate

    def watching(schema: Any, document: Any, *rest: Any, **more: Any) -> Any:
        seen.append(document)
        return validate(schema, document, *rest, **more)

    monkeypatch.setattr(known_documents, "validate", watching)
    return seen


def too_complex(client: Client, served: Served, document: str) -> str:
    """Return why a document is too complex, which is the same over HTTP, as event stream and in a WebSocket."""
    answer = client.http.post("/graphql", json={"query": document})
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]) == (400, {"code": "DOCUMENT_TOO_COMPLEX"})
    events = client.http.post("/graphql", json={"query": document}, headers=EVENTS).text
    [data] = [line for line in events.splitlines() if line.startswith("data: {")]
    assert json.loads(data.removeprefix("data: "))["errors"] == [error]
    with connected(served.url) as socket:
        socket.subscribe("1", document)
        assert socket.hear() == {"id": "1", "type": "error", "payload": [error]}
    return str(error["message"])


def test_s01_introspection_is_refused_and_typename_is_not(stranger: Client) -> None:
    assert stranger.errors("{ __schema { types { name } } }")[0] == ("GRAPHQL_VALIDATION_FAILED", INTROSPECTION)
    assert stranger.ask("{ __typename }") == {"__typename": "Query"}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{ prducts { totalCount } }", "Cannot query field 'prducts' on type 'Query'."),
        ("{ products(frst: 1) { totalCount } }", "Unknown argument 'frst' on field 'Query.products'."),
        ("{ products { ... on Prduct { id } } }", "Unknown type 'Prduct'."),
        (
            "{ orders(orderBy: {field: TOTL, direction: ASC}) { totalCount } }",
            "Value 'TOTL' does not exist in 'OrderSortField' enum.",
        ),
        ("query ($a: Prduct) { node(id: $a) { id } }", "Unknown type 'Prduct'."),
    ],
)
def test_s03_no_name_is_suggested(document: str, message: str, stranger: Client) -> None:
    errors = stranger.errors(document)
    assert errors[0] == ("GRAPHQL_VALIDATION_FAILED", message)
    assert not any("Did you mean" in said for _, said in errors)


def test_s03_an_unknown_field_and_one_that_is_forbidden_are_told_apart_by_no_schema(stranger: Client) -> None:
    """Names that are there are no secret to who may use them; what is in them is."""
    assert stranger.errors("{ orders { totalCount } }")[0][0] == "UNAUTHENTICATED"


def test_s10_aliases_are_bounded(stranger: Client, served: Served, validated: list[str]) -> None:
    document = f"{{ {' '.join(f'alias{number}: __typename' for number in range(101))} }}"
    assert too_complex(stranger, served, document).startswith("The document has 101 aliases, and may have 15: ")
    assert validated == []


def test_s12_directives_are_bounded(stranger: Client, served: Served, validated: list[str]) -> None:
    many = f"{{ {'__typename @include(if: true) ' * 100} }}"
    assert too_complex(stranger, served, f"{{ __typename {'@aa' * 10} }}").startswith("The document has 10 directives ")
    assert too_complex(stranger, served, many).startswith("The document has 100 directives, and may have 20: ")
    assert validated == []


@pytest.mark.parametrize(
    ("times", "why"),
    [(299, "The document has 299 fields of one name, and may have 100: "), (2000, "The document may have 1000 tokens")],
)
def test_s13_a_field_is_asked_for_a_bounded_number_of_times(
    times: int, why: str, stranger: Client, served: Served, validated: list[str]
) -> None:
    assert too_complex(stranger, served, f"{{ {'a ' * times} }}").startswith(why)
    assert validated == []


def test_s14_introspection_that_goes_round_is_refused(stranger: Client) -> None:
    document = "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }"
    errors = stranger.errors(document)
    assert {code for code, _ in errors} == {"GRAPHQL_VALIDATION_FAILED"}
    assert len(errors) <= 6


def test_s15_nothing_is_traced_or_told_of_what_it_is_made_of(stranger: Client) -> None:
    refused = stranger.http.post("/graphql", json={"query": "qwerty cop { abc }"}).json()
    assert refused.keys() == {"errors"}
    [error] = refused["errors"]
    assert error["extensions"] == {"code": "GRAPHQL_PARSE_FAILED"}
    answered = stranger.http.post("/graphql", json={"query": "{ products { totalCount } }"}).json()
    assert answered["extensions"].keys() == {"cost", "freshness"}


@pytest.mark.parametrize("levels", [21, 29, 40])
def test_s16_a_fragment_bomb_is_refused(levels: int, stranger: Client, served: Served, validated: list[str]) -> None:
    chain = " ".join(f"fragment F{n} on Product {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels))
    document = f'{{ product(id: "{ID}") {{ ...F0 }} }} {chain} fragment F{levels} on Product {{ id }}'
    why = f"{2**levels + 1} fields, and may have 300: " if levels < 30 else f"{levels + 1} fragments, and may have 30: "
    assert why in too_complex(stranger, served, document)
    assert validated == []


def test_s17_fragments_that_go_round_are_one_error(stranger: Client) -> None:
    document = f'{{ product(id: "{ID}") {{ ...A }} }} fragment A on Product {{ ...B }} fragment B on Product {{ ...A }}'
    assert stranger.errors(document) == [
        ("GRAPHQL_VALIDATION_FAILED", "Cannot spread fragment 'A' within itself via 'B'.")
    ]


@pytest.mark.parametrize("levels", [10, 60])
def test_s18_depth_is_bounded(levels: int, stranger: Client, served: Served, validated: list[str]) -> None:
    why = too_complex(stranger, served, "{a" * levels + "}" * levels)
    assert why == "The document may have 9 levels of fields, and has more."
    assert validated == []


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{a" * 330 + "}" * 330, "DOCUMENT_TOO_COMPLEX"),
        ("{a" * 3000 + "}" * 3000, "DOCUMENT_TOO_COMPLEX"),
        ("{" * 3000, "GRAPHQL_PARSE_FAILED"),
        (f"{{ products(first: {'[' * 400}{']' * 400}) {{ totalCount }} }}", "GRAPHQL_PARSE_FAILED"),
        (f"{{ products(first: {'[' * 5000}{']' * 5000}) {{ totalCount }} }}", "GRAPHQL_PARSE_FAILED"),
    ],
    ids=["330 levels", "3000 levels", "3000 braces", "a list of 400 levels", "a list of 5000 levels"],
)
def test_s18_what_is_deeper_than_python_is_no_fault_of_the_server(document: str, code: str, stranger: Client) -> None:
    [(told, _)] = stranger.errors(document)
    assert told in {code, "DOCUMENT_TOO_COMPLEX"}


def test_s19_fields_that_have_to_be_compared_with_each_other_are_bounded(
    stranger: Client, served: Served, validated: list[str]
) -> None:
    inner = f"nodes {{ {'... { id } ' * 10} }} "
    document = f"{{ products {{ {inner * 20} }} }}"
    assert too_complex(stranger, served, document).startswith("The document has 200 fields of one name, and may have ")
    assert validated == []


def test_s23_a_number_that_python_does_not_read_is_refused(
    stranger: Client, served: Served, validated: list[str]
) -> None:
    why = too_complex(stranger, served, f"{{ products(first: {'9' * 5000}) {{ totalCount }} }}")
    assert why == "The document has a number of more than 1000 digits: no field takes one."
    assert validated == []


def test_s25_comments_count_as_what_they_are(stranger: Client, served: Served, validated: list[str]) -> None:
    document = f"#{'x' * 20_000}\n{{ __typename }}"
    assert too_complex(stranger, served, document).startswith("The document has 20016 characters, and may have 16384: ")
    assert validated == []
    huge = stranger.http.post("/graphql", json={"query": f"#{'x' * 1_000_000}\n{{ __typename }}"})
    assert huge.status_code == 413


def test_s26_of_many_mistakes_a_handful_is_told_and_nothing_kept(stranger: Client) -> None:
    wrong = " ".join(f"u{number}" for number in range(150))
    errors = stranger.errors(f"{{ {wrong} }}")
    assert len(errors) == 6
    assert errors[-1] == (
        "GRAPHQL_VALIDATION_FAILED",
        "Too many validation errors, error limit reached. Validation aborted.",
    )
    schema = create_schema(closed=True)
    memory = known_documents.Memory(10_000)
    for number in range(100):
        assert memory.recall(f"{{ {wrong} v{number} }}", schema).faults
    assert memory.characters <= 10_000


def test_s58_every_command_of_a_document_is_counted(operator: Client) -> None:
    """Also where one document tries fifteen things at once."""
    tries = " ".join(
        f'a{n}: registerUser(input: {{name: "", email: "a@example.com"}}) {{ __typename }}' for n in range(15)
    )
    answer = operator.post(f"mutation {{ {tries} }}").json()
    assert [each["__typename"] for each in answer["data"].values()] == ["InvalidInput"] * 15
    assert answer["extensions"]["cost"]["document"] == 15 * (10 + 2)


def test_the_limits_are_what_the_tests_say() -> None:
    assert Limits() == Limits(
        characters=16_384,
        tokens=1000,
        depth=9,
        aliases=15,
        directives=20,
        directives_at_one_place=4,
        fragments=30,
        fields=300,
        of_a_name=100,
        cost=10_000,
    )
