"""How fresh a table is: the events it lacks, and how long ago it surely had all that there was."""

from collections.abc import Callable

import pytest

from api.freshness import Freshness, Look
from tests.support.clock import Clock

TABLE, OTHER = "users_view", "products_view"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def freshness(clock: Clock) -> Freshness:
    return Freshness(write_url="postgresql://nowhere/w", read_url="postgresql://nowhere/r", clock=clock)


@pytest.fixture
def seen(freshness: Freshness, clock: Clock) -> Callable[..., None]:
    """Note a look, taken now: heads and checkpoints of partitions 0, 1, ..."""

    def note(heads: list[int], *reached: int, table: str = TABLE) -> None:
        freshness.note(Look(clock.now, dict(enumerate(heads)), {table: dict(enumerate(reached))}))

    return note


class TestFreshness:
    def test_is_not_known_before_the_first_look(self, freshness: Freshness) -> None:
        assert freshness.of([TABLE]) == {TABLE: {"lag": None, "age": None}}

    def test_is_told_of_the_tables_that_are_asked_for(self, freshness: Freshness, seen: Callable[..., None]) -> None:
        seen([7, 3], 7, 3)
        assert freshness.of([]) == {}
        assert freshness.of([TABLE, OTHER]) == {TABLE: {"lag": 0, "age": 0.0}, OTHER: {"lag": None, "age": None}}

    def test_counts_the_events_that_a_table_lacks(self, freshness: Freshness, seen: Callable[..., None]) -> None:
        seen([7, 3], 5, 2)
        assert freshness.of([TABLE]) == {TABLE: {"lag": 3, "age": None}}

    def test_takes_a_checkpoint_that_is_further_than_the_look_for_level(
        self, freshness: Freshness, seen: Callable[..., None]
    ) -> None:
        seen([7, 3], 9, 2)
        assert freshness.of([TABLE]) == {TABLE: {"lag": 1, "age": None}}

    def test_ages_from_the_look_at_which_a_table_was_level(
        self, freshness: Freshness, seen: Callable[..., None], clock: Clock
    ) -> None:
        seen([7], 7)
        clock.now += 0.75
        assert freshness.of([TABLE]) == {TABLE: {"lag": 0, "age": 0.75}}

    def test_of_a_table_that_always_lacks_a_few_is_that_of_what_it_has(
        self, freshness: Freshness, seen: Callable[..., None], clock: Clock
    ) -> None:
        for second in range(5):
            seen([10 * second], 10 * second - 5)
            clock.now += 1
        assert freshness.of([TABLE]) == {TABLE: {"lag": 5, "age": 2.0}}

    def test_of_a_table_that_stands_still_gets_worse(
        self, freshness: Freshness, seen: Callable[..., None], clock: Clock
    ) -> None:
        seen([1], 1)
        for second in range(100):
            clock.now += 1
            seen([2 + second], 1)
        assert freshness.of([TABLE]) == {TABLE: {"lag": 100, "age": 100.0}}

    def test_that_nobody_could_look_at_for_long_is_an_age_alone(
        self, freshness: Freshness, seen: Callable[..., None], clock: Clock
    ) -> None:
        seen([7], 7)
        clock.now += 60
        assert freshness.of([TABLE]) == {TABLE: {"lag": None, "age": 60.0}}

    def test_of_a_table_that_was_emptied_is_forgotten(
        self, freshness: Freshness, seen: Callable[..., None], clock: Clock
    ) -> None:
        seen([7], 7)
        clock.now += 1
        seen([7], 0)
        assert freshness.of([TABLE]) == {TABLE: {"lag": 7, "age": None}}
