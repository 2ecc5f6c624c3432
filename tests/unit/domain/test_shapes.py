"""The shapes of facts are kept for as long as there are logs: today's are written down, older ones can be read."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from domain import decoding
from domain.events import FACTS, Fact, OrderLine, UserRegistered
from domain.upcasters import UPCASTERS, current_version
from tests.support import facts, shapes
from tests.support.facts import USER_ID

KEPT = shapes.kept()
OLDER = sorted(set(KEPT) - set(shapes.current()))
WHAT_TO_DO = "raise its version in SCHEMA_VERSIONS, write an upcaster, run make shapes"
# Facts that have named their order's currency since version 2.
OF_AN_ORDERS_AMOUNTS = (
    facts.ITEM_ADDED,
    facts.QUANTITY_CHANGED,
    facts.ITEM_REMOVED,
    facts.CANCELLED,
    facts.REFUNDED,
)


def without_currency(fact: Fact) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(orjson.dumps(fact, default=str))
    return {name: value for name, value in stored.items() if name != "currency"}


# Of each older shape: what stands in the log, and the fact that is read.
EXAMPLES: dict[str, tuple[dict[str, Any], Fact]] = {
    "UserRegistered/1": (
        {"user_id": str(USER_ID), "name": "Ada", "email": "ada@example.com"},
        UserRegistered(user_id=USER_ID, name="Ada", email="ada@example.com", currency="USD"),
    ),
    **{f"{type(fact).__name__}/1": (without_currency(fact), fact) for fact in OF_AN_ORDERS_AMOUNTS},
}


def changed(facts: dict[str, type], kept: shapes.Shapes) -> list[str]:
    """Say which facts are not stored as it is written down for their version, and what to do about it."""
    return [
        f"{key} is not as it is kept: {WHAT_TO_DO}" if key in kept else f"{key} is not kept: run make shapes"
        for key, shape in shapes.current(facts).items()
        if kept.get(key) != shape
    ]


def missing(upcasters: Any, kept: shapes.Shapes) -> list[str]:
    """Return the steps that are missing on the ways from kept shapes to today's."""
    steps = [
        (type_, step)
        for type_, version in (key.split("/") for key in kept)
        for step in range(int(version), current_version(type_))
    ]
    return [f"{type_}/{step}" for type_, step in sorted(set(steps)) if (type_, step) not in upcasters]


class TestTodaysShapes:
    def test_are_all_as_they_are_kept(self) -> None:
        assert changed(dict(FACTS), KEPT) == []

    def test_are_those_of_every_fact(self) -> None:
        assert {key.split("/")[0] for key in KEPT} == set(FACTS)

    def test_would_be_found_changed(self) -> None:
        @dataclass
        class UserRenamed:
            user_id: UUID
            name: str
            reason: str | None = None

        assert changed(dict(FACTS) | {"UserRenamed": UserRenamed}, KEPT) == [
            f"UserRenamed/1 is not as it is kept: {WHAT_TO_DO}"
        ]

    def test_would_be_found_changed_in_what_they_are_made_of(self) -> None:
        kept = json.loads(json.dumps(KEPT))
        del kept["OrderCreated/1"]["$defs"][OrderLine.__name__]["properties"]["sku"]
        assert [complaint.split()[0] for complaint in changed(dict(FACTS), kept)] == ["OrderCreated/1"]

    def test_would_be_found_missing(self) -> None:
        kept = {key: shape for key, shape in KEPT.items() if key != "OrderPaid/1"}
        assert changed(dict(FACTS), kept) == ["OrderPaid/1 is not kept: run make shapes"]

    def test_are_not_changed_by_words_or_by_the_order_of_fields(self) -> None:
        @dataclass
        class UserRenamed:
            """Of a user that has another name now."""

            name: str
            user_id: UUID

        assert shapes.shape(UserRenamed) == KEPT["UserRenamed/1"]


class TestOlderShapes:
    def test_have_a_way_to_todays(self) -> None:
        assert missing(UPCASTERS, KEPT) == []

    def test_would_be_found_without_one(self) -> None:
        assert missing({}, KEPT) == OLDER

    def test_are_all_tried(self) -> None:
        assert sorted(EXAMPLES) == OLDER

    @pytest.mark.parametrize("key", OLDER)
    def test_have_an_example_of_their_fields(self, key: str) -> None:
        written, _ = EXAMPLES[key]
        assert sorted(written) == sorted(KEPT[key]["properties"]) == sorted(KEPT[key]["required"])

    @pytest.mark.parametrize("key", OLDER)
    def test_are_read_as_todays(self, key: str) -> None:
        type_, version = key.split("/")
        written, read = EXAMPLES[key]
        assert decoding.fact(type_, int(version), json.dumps(written)) == read


class TestKeeping:
    def test_adds_what_is_new_and_changes_nothing(self, tmp_path: Path) -> None:
        file = tmp_path / "shapes.json"
        strange = {"OrderPaid/1": {"title": "as it was"}, "OrderPaid/0": {}}
        file.write_text(json.dumps(strange), "utf-8")
        added = shapes.add_missing(file)
        assert added == sorted(set(shapes.current()) - {"OrderPaid/1"})
        assert shapes.kept(file) == shapes.current() | strange
        before = file.read_bytes()
        assert shapes.add_missing(file) == []
        assert file.read_bytes() == before

    def test_begins_with_no_file(self, tmp_path: Path) -> None:
        shapes.add_missing(tmp_path / "shapes.json")
        assert shapes.kept(tmp_path / "shapes.json") == shapes.current()
