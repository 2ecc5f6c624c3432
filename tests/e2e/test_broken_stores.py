"""Stores that are full, fail or are held, and clocks that are wrong: nothing is lost, and all of it heals.

This is the short form; `make chaos` runs the same faults many times.
"""

from collections.abc import Iterator

import pytest

from tests.e2e.chaos import clocks, disks, held
from tests.e2e.chaos.drill import Drill, drill
from tests.e2e.chaos.faults import Fault
from tests.e2e.chaos.storm import storm

A_SECOND = 40  # commands


@pytest.fixture(scope="module")
def on_a_small_disk() -> Iterator[Drill]:
    if not disks.can_be_full():
        pytest.skip("only root can mount a small disk")
    with disks.small_disk() as data, drill(data, a_second=A_SECOND) as running:
        yield running


def loses_nothing(at: Drill, fault: Fault) -> None:
    outcome = at.strike(fault, 1)
    assert outcome.acknowledged > 0, "no load: this shows nothing"
    assert (outcome.verdict.lost, outcome.verdict.doubled, outcome.verdict.complaints) == (0, 0, [])


def test_a_full_disk_loses_nothing_and_is_told_as_unavailable(on_a_small_disk: Drill) -> None:
    loses_nothing(on_a_small_disk, disks.FILLED)


def test_an_fsync_that_fails_acknowledges_nothing(on_a_small_disk: Drill) -> None:
    if not disks.can_fail():
        pytest.skip("strace is not here, or may not trace")
    loses_nothing(on_a_small_disk, disks.UNWRITABLE)


def test_an_api_process_that_freezes_amid_a_command_loses_its_locks(on_a_small_disk: Drill) -> None:
    loses_nothing(on_a_small_disk, held.API_FROZEN)


def test_clocks_that_are_two_days_off_change_no_order_and_no_answer_but_whose_token_holds(
    on_a_small_disk: Drill,
) -> None:
    if not clocks.can_be_wrong():
        pytest.skip("libfaketime is not here (Debian: faketime)")
    loses_nothing(on_a_small_disk, clocks.STEPPED)


def test_many_who_want_the_same_at_once_are_all_answered_without_a_deadlock(on_a_small_disk: Drill) -> None:
    found = storm(on_a_small_disk.tandem, 300)
    assert set(found.answers) == {"OrderAccepted", "UserAccepted", "ProductAccepted"}
    assert found.deadlocks == 0
