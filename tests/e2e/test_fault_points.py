"""Whatever a seed does to whoever comes by the fault points: nothing is lost, nothing is done twice, and all go on.

This is the short form; `make chaos ARGS="--only points"` goes through twenty times as many seeds.
"""

from collections import Counter
from collections.abc import Mapping

import pytest

from tests.e2e.chaos.fault_points import MOVED, NUDGED, POINTS, Deed, deeds
from tests.e2e.chaos.seeds import Outcome, course

SEEDS = (26, 35)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[int, Outcome]:
    with course(tmp_path_factory.mktemp("points"), workers=2) as at:
        return {seed: at.put_through(seed) for seed in SEEDS}


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_a_seed_decides_nothing_is_lost_or_done_twice(outcomes: Mapping[int, Outcome], seed: int) -> None:
    verdict = outcomes[seed].verdict
    assert verdict.acknowledged > 0, "no load: this shows nothing"
    assert (verdict.lost, verdict.doubled, verdict.complaints) == (0, 0, [])


def test_every_point_is_reached(outcomes: Mapping[int, Outcome]) -> None:
    assert [point.name for point in POINTS if not any(each.reached[point] for each in outcomes.values())] == []


def test_whatever_can_be_done_is_done(outcomes: Mapping[int, Outcome]) -> None:
    done = [deeds(point, seed, times) for seed, each in outcomes.items() for point, times in each.reached.items()]
    assert set(sum(done, Counter[Deed]())) == set(Deed)


class TestASeed:
    def test_strikes_once_in_so_many_times(self) -> None:
        for block in range(20):
            times = range(block * MOVED.every + 1, (block + 1) * MOVED.every + 1)
            assert sum(MOVED.deed(7, time) is not None for time in times) == 1

    def test_strikes_again_where_it_struck_and_elsewhere_than_another_one(self) -> None:
        struck = [[MOVED.deed(seed, time) for time in range(1, 1000)] for seed in (7, 7, 8)]
        assert struck[0] == struck[1] != struck[2]

    def test_does_nothing_that_a_point_is_unlike(self) -> None:
        assert set(deeds(NUDGED, 7, 100 * NUDGED.every)) == set(Deed) - {Deed.FAILS}
