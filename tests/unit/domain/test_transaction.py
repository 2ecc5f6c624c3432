"""What a handler is given: a check of the version that its sender expects, and in what and by whom it is priced."""

from dataclasses import replace

import pytest

from domain.order import Pricing
from domain.transaction import Actor, Transaction
from tests.support.deciding import refused
from tests.support.facts import START, USER_ID
from tests.support.shop import USD

TX = Transaction(
    connection=None,  # type: ignore[arg-type] - no statement is sent here
    actor=Actor(id="staff:tests", staff=True),
    currency=USD,
    now=START,
    new_id=lambda: USER_ID,
    expected_version=None,
    dry_run=False,
)


class TestExpect:
    @pytest.mark.parametrize("expected", [None, 2])
    def test_passes_at_the_expected_version_and_where_none_is(self, expected: int | None) -> None:
        replace(TX, expected_version=expected).expect(2)

    @pytest.mark.parametrize("expected", [0, 1, 3])
    def test_refuses_another_version(self, expected: int) -> None:
        message = f"Version {expected} was expected, but the current one is 2: read it again, then decide anew."
        assert refused(replace(TX, expected_version=expected).expect, 2) == {
            "code": "VERSION_CONFLICT",
            "message": message,
            "path": ("expectedVersion",),
            "expected_version": expected,
            "current_version": 2,
        }


class TestPricing:
    @pytest.mark.parametrize("staff", [True, False])
    def test_is_in_the_shop_s_currency_with_prices_of_their_own_for_staff(self, staff: bool) -> None:
        tx = replace(TX, actor=Actor(id="somebody", staff=staff))
        assert tx.pricing == Pricing(currency=USD, may_set_prices=staff)
