"""What a sender has left, by the clock."""

import pytest

from api import budgets
from api.auth import NOBODY, Principal, Role
from api.budgets import Budgets
from api.errors import RateLimited
from tests.support.clock import Clock

ADA = Principal(role=Role.CUSTOMER, subject="0193b0f0-0000-7000-8000-000000000001")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(budgets, "monotonic", clock)
    return clock


@pytest.fixture
def sixty(clock: Clock) -> Budgets:  # noqa: ARG001 - it goes by it
    """One a second."""
    return Budgets("redis://127.0.0.1:1/0", per_minute=60)


def left(of: Budgets, cost: int, sender: Principal = ADA, address: str = "192.0.2.1") -> int:
    return of.spend(sender, address, cost)["left"]


class TestBudgets:
    def test_are_spent_and_come_back_with_time_and_no_further(self, sixty: Budgets, clock: Clock) -> None:
        assert [left(sixty, 10), left(sixty, 20)] == [50, 30]
        clock.now += 5
        assert left(sixty, 1) == 34
        clock.now += 1000
        assert left(sixty, 1) == 59

    def test_may_be_overspent_once_and_that_is_waited_for(self, sixty: Budgets, clock: Clock) -> None:
        assert left(sixty, 90) == 0
        with pytest.raises(RateLimited, match="try again in 31 seconds") as refused:
            left(sixty, 1)
        assert refused.value.retry_after == 31
        clock.now += 31
        assert left(sixty, 1) == 0
        assert sixty.refused == {"principal": 1, "address": 0}

    def test_are_of_each_sender_wherever_it_comes_from(self, sixty: Budgets) -> None:
        other = Principal(role=Role.STAFF, subject=ADA.subject)
        assert [left(sixty, 10), left(sixty, 10, address="192.0.2.9"), left(sixty, 10, other)] == [50, 40, 50]

    @pytest.mark.parametrize(
        ("one", "two", "shared"),
        [
            ("192.0.2.1", "192.0.2.1", True),
            ("192.0.2.1", "192.0.2.2", False),
            ("2001:db8:1:1::1", "2001:db8:1:1:ffff::2", True),
            ("2001:db8:1:1::1", "2001:db8:1:2::1", False),
            ("", "", True),
        ],
    )
    def test_of_nobody_are_of_each_address(self, one: str, two: str, shared: bool, sixty: Budgets) -> None:
        assert left(sixty, 10, NOBODY, one) == 50
        assert left(sixty, 10, NOBODY, two) == (40 if shared else 50)

    def test_are_kept_of_a_bounded_number_of_senders(
        self, sixty: Budgets, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(budgets, "_MOST", 3)
        for number in range(10):
            left(sixty, 10, NOBODY, f"192.0.2.{number}")
        assert len(sixty._budgets) == 3
        for budget in sixty._budgets.values():
            budget.untold = 0
        clock.now += 61
        left(sixty, 10, NOBODY, "198.51.100.1")
        assert list(sixty._budgets) == ["198.51.100.1"]

    async def test_owe_after_an_outage_what_has_not_come_back_during_it(self, sixty: Budgets, clock: Clock) -> None:
        """Nobody listens where these tell what was spent."""
        for _ in range(10):
            left(sixty, 40)
            await sixty.settle()
            clock.now += 60
        left(sixty, 40)
        owed = []
        for _ in range(3):
            await sixty.settle()
            owed += [budget.untold for budget in sixty._budgets.values()]
            clock.now += 30
        assert owed == [40, 10, 0]
        assert sixty.settled == {"settled": 0, "failed": 13}
