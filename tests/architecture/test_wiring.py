"""Catalogues: a file that is dropped into one is listed and wired, all the way along, under one name."""

import ast
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest
from graphql import GraphQLObjectType
from pydantic.alias_generators import to_camel, to_pascal

from api.schema import create_schema
from domain.commands import HANDLERS, Command
from projections.catalogue import projections
from projections.projection import Projection
from tests.support.sources import ROOT

SCHEMA = create_schema()._schema


def stems(folder: str | Path) -> list[str]:
    """Return the names of what a catalogue holds."""
    return sorted(path.stem for path in (ROOT / folder).glob("*.py") if path.stem != "__init__")


def amiss(folder: str | Path, listed: Iterable[str]) -> set[str]:
    """Return what is in a catalogue and not listed, or listed and not in it."""
    return set(stems(folder)) ^ set(listed)


def fields(kind: GraphQLObjectType | None) -> set[str]:
    assert kind is not None
    return set(kind.fields)


def dispatched(source: str) -> list[str]:
    """Return the commands that a mutation hands to the bus."""
    return [
        call.args[1].id
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "dispatch"
        if isinstance(call.args[1], ast.Name)
    ]


every_command = pytest.mark.parametrize("name", stems("domain/commands"))


class TestCommands:
    def test_are_each_a_mutation_of_the_same_name(self) -> None:
        assert amiss("api/mutations", stems("domain/commands")) == set()

    def test_are_all_in_the_union(self) -> None:
        assert set(get_args(Command)) == set(HANDLERS)

    def test_are_all_fields_of_the_schema(self) -> None:
        assert fields(SCHEMA.mutation_type) == {to_camel(name) for name in stems("domain/commands")}

    @every_command
    def test_are_handled_by_the_file_that_has_their_name(self, name: str) -> None:
        module = import_module(f"domain.commands.{name}")
        assert HANDLERS[getattr(module, to_pascal(name))] is module.handle

    def test_are_no_more_than_there_are_files(self) -> None:
        assert {command.__name__ for command in HANDLERS} == {to_pascal(name) for name in stems("domain/commands")}

    @every_command
    def test_are_what_their_mutation_hands_on(self, name: str) -> None:
        assert dispatched((ROOT / "api/mutations" / f"{name}.py").read_text("utf-8")) == [to_pascal(name)]

    @every_command
    def test_are_given_by_an_input_of_their_name(self, name: str) -> None:
        assert SCHEMA.mutation_type is not None
        field = SCHEMA.mutation_type.fields[to_camel(name)]
        assert {argument: str(given.type) for argument, given in field.args.items()} == {
            "input": f"{to_pascal(name)}Input!"
        }


class TestQueries:
    def test_are_all_fields_of_the_schema(self) -> None:
        assert fields(SCHEMA.query_type) == {to_camel(name) for name in stems("api/queries")}

    @pytest.mark.parametrize("name", stems("api/queries"))
    def test_are_the_function_that_has_their_name(self, name: str) -> None:
        assert callable(getattr(import_module(f"api.queries.{name}"), name))


class TestSubscriptions:
    def test_are_all_fields_of_the_schema(self) -> None:
        assert fields(SCHEMA.subscription_type) == {to_camel(name) for name in stems("api/subscriptions")}

    @pytest.mark.parametrize("name", stems("api/subscriptions"))
    def test_are_the_function_that_has_their_name(self, name: str) -> None:
        assert callable(getattr(import_module(f"api.subscriptions.{name}"), name))


class TestViews:
    def test_are_all_found_under_the_name_of_their_file(self) -> None:
        assert amiss("projections/views", [projection.name for projection in projections()]) == set()

    @pytest.mark.parametrize("name", stems("projections/views"))
    def test_each_say_what_they_are(self, name: str) -> None:
        projection = import_module(f"projections.views.{name}").PROJECTION
        assert isinstance(projection, Projection)
        assert projection in projections()


class TestRules:
    def test_would_show_a_file_that_nobody_lists(self, tmp_path: Path) -> None:
        for name in ("__init__", "pay_order", "cancel_order"):
            (tmp_path / f"{name}.py").touch()
        assert amiss(tmp_path, ["pay_order"]) == {"cancel_order"}
        assert amiss(tmp_path, ["pay_order", "cancel_order", "ship_order"]) == {"ship_order"}

    @pytest.mark.parametrize(
        ("source", "found"),
        [
            ("async def pay(info, input):\n  return await dispatch(info, ShipOrder, input, of)", ["ShipOrder"]),
            ("async def pay(info, input):\n  return None", []),
        ],
    )
    def test_would_show_a_mutation_that_hands_on_another_command(self, source: str, found: list[str]) -> None:
        assert dispatched(source) == found
