"""The published schema is the code's, keeps what frontends are promised, and whatever GraphiQL shows first can be run.

The promise is contract.graphql, beside this file: what stands there is there, of that type; more may be beside it.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationDefinitionNode,
    VariableNode,
    build_schema,
    is_introspection_type,
    is_specified_scalar_type,
    parse,
    print_ast,
    validate,
)

from api import graphiql
from api.graphiql import Tab
from api.schema import create_schema
from tests.support.sources import ROOT

SCHEMA = create_schema()
PUBLISHED = ROOT / "api" / "schema.graphql"
PROMISED = build_schema((Path(__file__).parent / "contract.graphql").read_text("utf-8"))


# Promised, and still to come.
def said(schema: GraphQLSchema) -> set[str]:
    """Return all that a schema says, a line each."""
    kinds = [
        kind for kind in schema.type_map.values() if not (is_introspection_type(kind) or is_specified_scalar_type(kind))
    ]
    return {line for kind in kinds for line in _lines(kind)}


def _lines(kind: GraphQLNamedType) -> Iterator[str]:
    name = kind.name
    match kind:
        case GraphQLObjectType() | GraphQLInterfaceType():
            yield f"{'type' if isinstance(kind, GraphQLObjectType) else 'interface'} {name}"
            yield from (f"{name} implements {interface.name}" for interface in kind.interfaces)
            yield from _typed(name, kind.fields)
            for field, known in kind.fields.items():
                yield from (f"{name}.{field}({line.partition('.')[2]})" for line in _typed("", known.args))
        case GraphQLInputObjectType():
            yield f"input {name}"
            yield from _typed(name, kind.fields)
        case GraphQLEnumType():
            yield f"enum {name}"
            yield from (f"{name}.{value}" for value in kind.values)
        case GraphQLUnionType():
            yield from (f"{name} = {member.name}" for member in kind.types)
        case _:
            yield f"scalar {name}"


def _typed(
    name: str, fields: Mapping[str, GraphQLField] | Mapping[str, GraphQLInputField] | Mapping[str, GraphQLArgument]
) -> Iterator[str]:
    for field, known in fields.items():
        default = getattr(known, "default", None)
        yield f"{name}.{field}: {known.type}" + (f" = {print_ast(default.literal)}" if default else "")


def broken(promised: GraphQLSchema, schema: GraphQLSchema) -> set[str]:
    """Return what is promised and not said, less the fields of types that are missing as a whole."""
    missing = said(promised) - said(schema)
    whole = {line.split()[1] for line in missing if line.split()[0] in {"type", "input", "enum", "interface"}}
    return {line for line in missing if line.split(".")[0] not in whole}


def errors(document: str, schema: GraphQLSchema = SCHEMA._schema) -> list[str]:
    return [error.message for error in validate(schema, parse(document))]


def variables(document: str) -> set[str]:
    """Return the names of the variables that a document's operations take."""
    found: set[VariableNode] = set()
    for definition in parse(document).definitions:
        if isinstance(definition, OperationDefinitionNode):
            found |= {variable.variable for variable in definition.variable_definitions or ()}
    return {variable.name.value for variable in found}


class TestPublished:
    def test_is_what_the_code_says(self) -> None:
        published = PUBLISHED.read_text("utf-8").strip() if PUBLISHED.exists() else ""
        assert published == SCHEMA.as_str().strip(), "api/schema.graphql is not the code's: write it with `make schema`"


class TestPromised:
    def test_is_all_there_and_of_that_type(self) -> None:
        assert broken(PROMISED, build_schema(SCHEMA.as_str())) == set()

    def test_would_be_missed(self) -> None:
        promised = build_schema("""
            interface Node { id: ID! }
            type Tea implements Node { id: ID! name: String! }
            type Cup { id: ID! }
            union Thing = Tea | Cup
            enum Kind { GREEN BLACK }
            input Wish { kind: Kind! hot: Boolean = true }
            type Query { tea(id: ID!, wish: Wish): Tea thing: Thing }
        """)
        kept = build_schema("""
            interface Node { id: ID! }
            type Tea { id: ID! name: String }
            type Pot { id: ID! }
            union Thing = Tea | Pot
            enum Kind { GREEN }
            input Wish { kind: Kind hot: Boolean = false more: Int }
            type Query { tea(id: ID): Tea thing: Thing more: Int }
        """)
        assert broken(promised, kept) == {
            "Tea implements Node",
            "Tea.name: String!",
            "type Cup",
            "Thing = Cup",
            "Kind.BLACK",
            "Wish.kind: Kind!",
            "Wish.hot: Boolean = true",
            "Query.tea(id: ID!)",
            "Query.tea(wish: Wish)",
        }
        assert broken(promised, promised) == set()


class TestTabs:
    @pytest.mark.parametrize("tab", graphiql.tabs(), ids=lambda tab: tab.query.splitlines()[0])
    def test_fit_the_schema(self, tab: Tab) -> None:
        assert errors(tab.query) == []

    @pytest.mark.parametrize("tab", graphiql.tabs(), ids=lambda tab: tab.query.splitlines()[0])
    def test_have_a_value_for_every_variable_and_no_other(self, tab: Tab) -> None:
        assert set(json.loads(tab.variables or "{}")) == variables(tab.query)

    def test_would_show_one_that_does_not_fit(self) -> None:
        assert errors("{ products { nodes { colour } } }") == ["Cannot query field 'colour' on type 'Product'."]
        assert variables("query A($first: Int) { products(first: $first) { totalCount } }") == {"first"}
