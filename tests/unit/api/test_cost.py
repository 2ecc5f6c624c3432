"""What a document costs, and what it may have at most."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLError, get_introspection_query, parse

from api import cost
from api.cost import DocumentTooComplex, Limits
from api.known_documents import Known
from api.schema import create_schema
from tests.support.sources import ROOT

SCHEMA = create_schema()


def costs(document: str, **variables: Any) -> int:
    return Known(document, SCHEMA).cost(None, variables)


def refusal(document: str, **variables: Any) -> str:
    with pytest.raises(DocumentTooComplex) as refused:
        costs(document, **variables)
    return str(refused.value.message)


def fragments(levels: int, leaf: str = "id") -> str:
    """Return fragments of which each spreads the next one twice."""
    chain = " ".join(f"fragment F{level} on Product {{ ...F{level + 1} ...F{level + 1} }}" for level in range(levels))
    return f"{chain} fragment F{levels} on Product {{ {leaf} }}"


class TestCost:
    @pytest.mark.parametrize(
        ("document", "expected"),
        [
            ("{ __typename }", 1),
            ('{ product(id: "x") { id name } }', 3),
            ("{ products { totalCount } }", 2),
            ("{ products { nodes { id name } } }", 1 + 20 * 3),
            ("{ products(first: 5) { nodes { id name } totalCount } }", 1 + 5 * 3 + 1),
            ("{ products(last: 5) { edges { cursor node { id } } pageInfo { hasNextPage } } }", 1 + 5 * 4 + 2),
            ("{ products(first: 5, last: null) { nodes { id } } }", 1 + 5 * 2),
            ("{ products(first: 1000000) { nodes { id } } }", 1 + 100 * 2),
            ("{ products(first: -7) { nodes { id } } }", 1 + 1 * 2),
            ('{ order(id: "x") { items { name } } }', 1 + 5 * 2),
            ("{ users(first: 3) { nodes { orders(first: 4) { nodes { id } } } } }", 1 + 3 * (1 + 1 + 4 * 2)),
            ('{ product(id: "x") { ...F ...F } } fragment F on Product { id name }', 1 + 2 * 2),
            ("{ products(first: 5) { ...P } } fragment P on ProductConnection { nodes { id } }", 1 + 5 * 2),
            ("{ products(first: 5) { ... on ProductConnection { nodes { id } } } }", 1 + 5 * 2),
            ("query A { products { totalCount } } query B { __typename }", 2),
            ('mutation { shipOrder(input: {orderId: "x"}) { __typename } }', 10 + 2),
            ('subscription { orderChanged(orderId: "x") { id } }', 2),
        ],
    )
    def test_is_what_is_asked_for(self, document: str, expected: int) -> None:
        assert costs(document) == expected

    @pytest.mark.parametrize(
        ("variables", "rows"),
        [
            ({"n": 7}, 7),
            ({"n": 7.0}, 7),
            ({}, 20),
            ({"n": None}, 20),
            ({"n": 1000}, 100),
            ({"n": 1e300}, 100),
            ({"n": -1}, 1),
            ({"n": -1.0}, 1),
        ],
    )
    def test_is_what_variables_ask_for(self, variables: dict[str, Any], rows: int) -> None:
        document = "query ($n: Int) { products(first: $n) { nodes { id } } }"
        assert costs(document, **variables) == 1 + rows * 2

    @pytest.mark.parametrize("value", ["many", "7", True, False, 7.5, float("inf"), float("nan"), [7], {}])
    def test_is_that_of_the_largest_page_for_what_is_no_int(self, value: Any) -> None:
        assert costs("query ($n: Int) { products(first: $n) { nodes { id } } }", n=value) == 1 + 100 * 2

    def test_is_that_of_the_default_of_a_variable(self) -> None:
        document = "query ($n: Int = 3) { products(first: $n) { nodes { id } } }"
        assert (costs(document), costs(document, n=4), costs(document, n=None)) == (7, 9, 1 + 20 * 2)
        assert costs(document.replace("3", "null")) == 1 + 20 * 2

    @pytest.mark.parametrize(
        "document",
        [
            "mutation {{ {commands} }}",
            "mutation {{ ... {{ {commands} }} }}",
            "mutation {{ ... on Mutation {{ ... {{ {commands} }} }} }}",
            "mutation {{ ...F }} fragment F on Mutation {{ {commands} }}",
            "mutation {{ ...F }} fragment F on Mutation {{ ...G }} fragment G on Mutation {{ {commands} }}",
        ],
        ids=["written out", "inline", "inline in inline", "in a fragment", "in a fragment of a fragment"],
    )
    def test_is_that_of_each_command_wherever_it_stands(self, document: str) -> None:
        commands = " ".join(f'{name}: shipOrder(input: {{orderId: "{name}"}}) {{ __typename }}' for name in "abc")
        assert costs(document.format(commands=commands)) == 3 * (10 + 2)

    def test_is_that_of_a_command_each_time_that_its_fragment_is_spread(self) -> None:
        spread = 'fragment F on Mutation { shipOrder(input: {orderId: "x"}) { __typename } }'
        assert costs(f"mutation {{ __typename ...F ...F }} {spread}") == 1 + 2 * (10 + 2)

    def test_is_that_of_whichever_end_a_page_is_asked_from(self) -> None:
        document = "query ($a: Int, $b: Int) { products(first: $a, last: $b) { nodes { id } } }"
        assert (costs(document, a=3, b=None), costs(document, a=None, b=4)) == (7, 9)

    def test_multiplies_pages_in_pages(self) -> None:
        document = "query ($a: Int, $b: Int) { users(first: $a) { nodes { orders(first: $b) { nodes { id } } } } }"
        assert costs(document, a=3, b=4) == 1 + 3 * (1 + 1 + 4 * 2)
        for many in (100, 100.0):
            assert refusal(document, a=many, b=many) == (
                "The document costs 20201, and may cost 10000: ask for smaller pages, or for fewer fields."
            )

    def test_is_counted_once_for_each_fragment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What 29 levels of two spreads each would come to otherwise, is a thousand million fields."""
        counted: list[str] = []
        field = cost._Measure._field

        def counting(self: Any, node: Any, *rest: Any) -> Any:
            counted.append(node.name.value)
            return field(self, node, *rest)

        monkeypatch.setattr(cost._Measure, "_field", counting)
        found = refusal(f'{{ product(id: "x") {{ ...F0 }} }} {fragments(29)}')
        assert found == f"The document has {2**29 + 1} fields, and may have 300: ask for less at a time."
        assert counted == ["product", "id"]


class TestLimits:
    @pytest.mark.parametrize(
        ("may", "may_not", "message"),
        [
            ("#" * 16_369 + "\n{ __typename }", "#" * 16_370 + "\n{ __typename }", "characters, and may have 16384: "),
            (f"{{ {'a ' * 100} }}", f"{{ {'a ' * 101} }}", "101 fields of one name, and may have 100: "),
            (
                f"{{ {' '.join(f'a{n}' for n in range(300))} }}",
                f"{{ {' '.join(f'a{n}' for n in range(301))} }}",
                "301 fields, and may have 300: ",
            ),
            ("{a" * 9 + "}" * 9, "{a" * 10 + "}" * 10, "may have 9 levels of fields, and has more."),
            (
                f"{{ {' '.join(f'a{n}: b' for n in range(15))} }}",
                f"{{ {' '.join(f'a{n}: b' for n in range(16))} }}",
                "16 aliases, and may have 15: ",
            ),
            ("{ a @b @b @b @b }", "{ a @b @b @b @b @b }", "5 directives at one place, and may have 4: "),
            (f"{{ {'a @b ' * 20} }}", f"{{ {'a @b ' * 21} }}", "21 directives, and may have 20: "),
            (
                "{ a } " + " ".join(f"fragment F{n} on A {{ a }}" for n in range(30)),
                "{ a } " + " ".join(f"fragment F{n} on A {{ a }}" for n in range(31)),
                "31 fragments, and may have 30: ",
            ),
        ],
        ids=["characters", "names", "fields", "depth", "aliases", "directives here", "directives", "fragments"],
    )
    def test_let_pass_what_is_within_and_nothing_beyond(self, may: str, may_not: str, message: str) -> None:
        costs(may)
        assert message in refusal(may_not)

    def test_bound_the_tokens(self) -> None:
        costs(f"query ({'$a: A ' * 240}) {{ a }}")
        assert refusal(f"query ({'$a: A ' * 260}) {{ a }}") == "The document may have 1000 tokens, and has more."

    @pytest.mark.parametrize(
        "document",
        [
            "{ a ...F } fragment F on Query { b: a c: a ...G } fragment G on Query { d: a }",
            "{ a } fragment F on Query { b: a c: a d: a }",
            "{ a ... { b: a ... { c: a d: a } } }",
        ],
        ids=["spread", "of a fragment that nobody spreads", "inline"],
    )
    def test_hold_wherever_something_stands(self, document: str) -> None:
        limits = Limits(aliases=2)
        with pytest.raises(DocumentTooComplex, match="3 aliases, and may have 2"):
            cost.costs(parse(document), SCHEMA._schema, limits)

    def test_hold_for_a_fragment_that_is_deep_where_it_is_spread_alone(self) -> None:
        deep = "fragment F on A { a { a { a { a } } } }"
        costs(f"{{ ...F a {{ a {{ a {{ a {{ a {{ ...F }} }} }} }} }} }} {deep}")
        costs(f"{{ ...F }} {deep}")
        assert refusal(f"{{ ...F a {{ a {{ a {{ a {{ a {{ a {{ ...F }} }} }} }} }} }} }} {deep}") == (
            "The document has 10 levels of fields, and may have 9: ask for less at a time."
        )

    @pytest.mark.parametrize(
        "document",
        [
            "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
            "{ ...A } fragment A on Query { ...A ...A }",
            "{ ...Nowhere }",
            "{ ...A } fragment A on Nothing { a }",
            "{ a(b: $c) @d { ... @e { f } } }",
            "query ($n: Int = 100.0) { products(first: $n) { totalCount } }",
            "{ products(first: 100.0) { totalCount } }",
        ],
    )
    def test_leave_to_validation_what_is_wrong_otherwise(self, document: str) -> None:
        known = Known(document, SCHEMA)
        assert known.cost(None, {}) > 0
        assert known.faults


def documents() -> Iterator[Any]:
    """Yield what the README, GraphiQL and the clients of the tests ask."""
    readme = (ROOT / "README.md").read_text("utf-8")
    for number, text in enumerate(re.findall(r"```graphql\n(.*?)```", readme, re.DOTALL)):
        yield pytest.param(text, id=f"README {number}")
    files: list[Path] = [*(ROOT / "api/graphiql/tabs").glob("*.graphql"), ROOT / "tests/e2e/clients/documents.graphql"]
    for path in files:
        yield pytest.param(path.read_text("utf-8"), id=path.name)
    yield pytest.param(get_introspection_query(), id="introspection")
    everything = {"specified_by_url": True, "directive_is_repeatable": True, "schema_description": True}
    yield pytest.param(get_introspection_query(**everything, input_value_deprecation=True), id="all introspection")


@pytest.mark.parametrize("document", list(documents()))
def test_what_is_written_in_earnest_is_within_all_limits(document: str) -> None:
    assert not any(isinstance(fault, GraphQLError) for fault in Known(document, SCHEMA).faults)
    assert 0 < costs(document) < 5000
