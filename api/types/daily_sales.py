"""What a day sold: one row of daily_sales_view."""

from collections.abc import Mapping
from datetime import date as Day  # noqa: N812 - the field has the name of the type
from decimal import Decimal
from typing import Any, ClassVar

import strawberry

from api.shown import Column, Shown, money
from api.types.money import Money
from domain.money import Currency
from projections.projection import Projection
from projections.views import daily_sales_view


def _exact(amount: Decimal, currency: str) -> Decimal:
    """Return an amount with all decimals of its currency: nothing is 0.00."""
    return amount.quantize(Currency.of(currency).zero)


@strawberry.type(description="One row of daily_sales_view; days are UTC.")
class DailySales:
    projection: ClassVar[Projection] = daily_sales_view.PROJECTION
    shown: ClassVar[Shown] = {
        "date": Column("day"),
        "revenue": money(Column("revenue", "currency", read=_exact)),
    }

    date: Day
    order_count: int
    unit_count: int
    cancelled_count: int
    refunded_count: int
    row: strawberry.Private[Mapping[str, Any]]

    @strawberry.field
    def revenue(self) -> Money:
        currency = self.row["currency"]
        return Money(amount=_exact(self.row["revenue"], currency), currency=currency)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "DailySales":
        return cls(
            date=row["day"],
            order_count=row["order_count"],
            unit_count=row["unit_count"],
            cancelled_count=row["cancelled_count"],
            refunded_count=row["refunded_count"],
            row=row,
        )
