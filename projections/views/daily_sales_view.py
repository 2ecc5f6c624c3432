"""daily_sales_view: one row a day and currency, with what happened on that day.

Days are UTC, of the moment at which a fact came about. What an order loses is taken from the day on which it loses it,
not from the day on which it was placed: a day's row says what happened then, and is settled once the day is over.

* `order_count`: orders placed.
* `unit_count`: pieces placed and added, less those removed, cancelled and refunded; pieces that a buyer keeps after a
  refund stay sold.
* `revenue`: the same in money, of all that is refunded.
* `cancelled_count`, `refunded_count`: orders that were cancelled or refunded, whenever they were placed.

So over all days, orders less cancelled less refunded ones, and revenue, are those of the orders that stand.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Date, Numeric, Select, Text, select, text
from sqlmodel import Field, col

from domain.events import (
    Event,
    OrderCancelled,
    OrderCreated,
    OrderItemAdded,
    OrderItemQuantityChanged,
    OrderItemRemoved,
    OrderLine,
    OrderRefunded,
)
from projections.projection import Addition, Projection, ReadTable


def _counter(sa_type: Any) -> Any:
    return Field(sa_type=sa_type, sa_column_kwargs={"server_default": text("0")})


class DailySalesView(ReadTable, table=True):
    __tablename__ = "daily_sales_view"

    day: date = Field(primary_key=True, sa_type=Date)
    currency: str = Field(primary_key=True, sa_type=Text)
    order_count: int = _counter(BigInteger)
    unit_count: int = _counter(BigInteger)
    revenue: Decimal = _counter(Numeric)
    cancelled_count: int = _counter(BigInteger)
    refunded_count: int = _counter(BigInteger)


def add(event: Event) -> Iterable[Addition]:
    match event.fact:
        case OrderCreated() as fact:
            yield _on_its_day(event, fact.currency, order_count=1, unit_count=_pieces(fact.lines), revenue=fact.total)
        case OrderItemAdded() as fact:
            yield _on_its_day(event, fact.currency, unit_count=fact.line.quantity, revenue=fact.line.total)
        case OrderItemQuantityChanged() as fact:
            more = fact.quantity - fact.before
            yield _on_its_day(event, fact.currency, unit_count=more, revenue=more * fact.unit_price)
        case OrderItemRemoved() as fact:
            yield _on_its_day(event, fact.currency, unit_count=-fact.line.quantity, revenue=-fact.line.total)
        case OrderCancelled() as fact:
            pieces = _pieces(fact.lines)
            yield _on_its_day(event, fact.currency, unit_count=-pieces, revenue=-fact.total, cancelled_count=1)
        case OrderRefunded() as fact:
            pieces = _pieces(fact.lines) if fact.restocked else 0
            yield _on_its_day(event, fact.currency, unit_count=-pieces, revenue=-fact.total, refunded_count=1)


def _on_its_day(event: Event, currency: str, **amounts: int | Decimal) -> Addition:
    return (event.at.astimezone(UTC).date(), currency), amounts


def _pieces(lines: Sequence[OrderLine]) -> int:
    return sum(item.quantity for item in lines)


PROJECTION = Projection(
    table=DailySalesView,
    add=add,
    counters=frozenset({"order_count", "unit_count", "revenue", "cancelled_count", "refunded_count"}),
)


def between(first: date, last: date) -> Select[DailySalesView]:
    """The days from `first` to `last`, both included, oldest first; a day of several currencies is several rows."""
    day = col(DailySalesView.day)
    return select(DailySalesView).where(day >= first, day <= last).order_by(day, col(DailySalesView.currency))
