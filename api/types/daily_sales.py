"""What a day sold: one row of daily_sales_view."""

from collections.abc import Mapping
from datetime import date as Day  # noqa: N812 - the field has the name of the type
from typing import Any

import strawberry

from api.types.money import Money
from domain.money import Currency


@strawberry.type(description="One row of daily_sales_view; days are UTC.")
class DailySales:
    date: Day
    order_count: int
    unit_count: int
    revenue: Money
    cancelled_count: int
    refunded_count: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "DailySales":
        return cls(
            date=row["day"],
            order_count=row["order_count"],
            unit_count=row["unit_count"],
            revenue=Money(amount=row["revenue"].quantize(Currency.of(row["currency"]).zero), currency=row["currency"]),
            cancelled_count=row["cancelled_count"],
            refunded_count=row["refunded_count"],
        )
