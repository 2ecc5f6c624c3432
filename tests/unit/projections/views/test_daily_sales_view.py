"""daily_sales_view: what happened on a day, as additions that come in any order."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from msgspec import structs

from domain.events import Fact
from projections.views.daily_sales_view import PROJECTION, between
from tests.support import facts
from tests.support.facts import event
from tests.support.statements import conditions

TODAY = facts.START.date()
COUNTED = [
    facts.CREATED,
    facts.ITEM_ADDED,
    facts.QUANTITY_CHANGED,
    facts.ITEM_REMOVED,
    facts.CANCELLED,
    facts.REFUNDED,
]


def added(fact: Fact) -> dict[str, int | Decimal]:
    """Return what a fact adds to the one row that it concerns, which is its own day's."""
    [(key, amounts)] = PROJECTION.add(event(fact))
    assert key == (TODAY, "USD")
    return dict(amounts)


class TestAdd:
    def test_counts_an_order_with_its_pieces_and_its_total(self) -> None:
        assert added(facts.CREATED) == {"order_count": 1, "unit_count": 3, "revenue": Decimal("19.99")}

    def test_counts_an_added_item(self) -> None:
        assert added(facts.ITEM_ADDED) == {"unit_count": 3, "revenue": Decimal("15.00")}

    @pytest.mark.parametrize(("quantity", "units", "revenue"), [(5, 3, "29.97"), (1, -1, "-9.99")])
    def test_counts_the_difference_of_a_changed_quantity(self, quantity: int, units: int, revenue: str) -> None:
        changed = replace(facts.QUANTITY_CHANGED, quantity=quantity)
        assert added(changed) == {"unit_count": units, "revenue": Decimal(revenue)}

    def test_takes_a_removed_item_back(self) -> None:
        assert added(facts.ITEM_REMOVED) == {"unit_count": -1, "revenue": Decimal("-0.01")}

    def test_takes_a_cancelled_order_back_and_counts_that_it_was(self) -> None:
        assert added(facts.CANCELLED) == {"unit_count": -3, "revenue": Decimal("-19.99"), "cancelled_count": 1}

    @pytest.mark.parametrize(("restocked", "units"), [(True, -3), (False, 0)])
    def test_takes_back_the_pieces_of_a_refunded_order_only_where_they_come_back(
        self, restocked: bool, units: int
    ) -> None:
        refunded = replace(facts.REFUNDED, restocked=restocked)
        assert added(refunded) == {"unit_count": units, "revenue": Decimal("-19.99"), "refunded_count": 1}

    @pytest.mark.parametrize(
        "fact", [fact for fact in facts.ALL if fact not in COUNTED], ids=lambda fact: type(fact).__name__
    )
    def test_counts_nothing_else(self, fact: Fact) -> None:
        assert list(PROJECTION.add(event(fact))) == []

    @pytest.mark.parametrize("fact", COUNTED, ids=lambda fact: type(fact).__name__)
    def test_keeps_currencies_apart(self, fact: Fact) -> None:
        [(key, _)] = PROJECTION.add(event(replace(fact, currency="JPY")))
        assert key == (TODAY, "JPY")

    @pytest.mark.parametrize(
        ("at", "day"),
        [
            (datetime(2026, 1, 31, 0, 0, tzinfo=UTC), date(2026, 1, 31)),
            (datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC), date(2026, 1, 31)),
            (datetime(2026, 2, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), date(2026, 1, 31)),
            (datetime(2026, 1, 31, 23, 30, tzinfo=timezone(timedelta(hours=-1))), date(2026, 2, 1)),
        ],
    )
    def test_belongs_to_the_day_in_utc(self, at: datetime, day: date) -> None:
        [(key, _)] = PROJECTION.add(structs.replace(event(facts.CREATED), at=at))
        assert key == (day, "USD")


class TestBetween:
    def test_holds_both_days_oldest_first(self) -> None:
        assert conditions(between(date(2026, 1, 1), date(2026, 1, 31))) == (
            "WHERE day >= '2026-01-01' AND day <= '2026-01-31' ORDER BY day, currency"
        )
