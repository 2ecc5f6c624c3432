"""The published contract is the code's, and whatever GraphiQL shows first can be run."""

import json

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, VariableNode, parse, validate

from api import graphiql
from api.graphiql import Tab
from api.schema import create_schema
from tests.support.sources import ROOT

SCHEMA = create_schema()
PUBLISHED = ROOT / "api" / "schema.graphql"


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
