"""What is selected of a field, through fragments, and the columns that it needs."""

import pytest
from graphql import FieldNode, FragmentDefinitionNode, OperationDefinitionNode, parse

from api.selection import Selection
from api.types.order import Order


def selection(document: str) -> Selection:
    """Return what is selected of the one root field of a document."""
    definitions = parse(document).definitions
    fragments = {each.name.value: each for each in definitions if isinstance(each, FragmentDefinitionNode)}
    [operation] = [each for each in definitions if isinstance(each, OperationDefinitionNode)]
    roots = [node for node in operation.selection_set.selections if isinstance(node, FieldNode)]
    return Selection(roots, fragments)


class TestColumns:
    @pytest.mark.parametrize(
        ("selected", "columns"),
        [
            ("number", {"number"}),
            ("alias: number again: number", {"number"}),
            ("id userName", {"order_id", "user_name"}),
            ("total { amount }", {"total", "currency"}),
            ("availableActions { name }", {"status", "item_count"}),
            ("... on Order { number ... { carrier } } ...A", {"number", "carrier", "version", "items", "currency"}),
            ("number @include(if: false)", {"number"}),
        ],
    )
    def test_are_those_of_all_that_may_be_shown(self, selected: str, columns: set[str]) -> None:
        fragments = "fragment A on Order { version ...B } fragment B on Node { items { sku } }"
        assert selection(f"{{ order {{ {selected} }} }} {fragments}").columns(Order.shown) == columns

    def test_are_found_under_a_path(self) -> None:
        found = selection(
            "{ orders { edges { node { number } } ...C } } fragment C on X { edges { node { carrier } } }"
        )
        assert found.under("edges", "node").columns(Order.shown) == {"number", "carrier"}
        assert found.under("nodes").columns(Order.shown) == set()
        assert (found.has("edges"), found.has("nodes", "pageInfo")) == (True, False)


class TestTypes:
    def test_are_those_that_fragments_are_for(self) -> None:
        found = selection("{ node { id ... on Order { number } ...U } } fragment U on User { name }")
        assert found.types == {"Order", "User"}
