"""user_orders_view: all that a page about an order shows, one row an order."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, Numeric, Select, Text, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, col

from domain.events import Event, OrderCreated, OrderPaid, OrderShipped
from domain.order import Status
from projections.keyset import Keyset
from projections.projection import Projection, ReadTable, Row, known


class UserOrdersView(ReadTable, table=True):
    __tablename__ = "user_orders_view"
    __table_args__ = (Index("ix_user_orders_view_newest", "user_id", "created_at", "order_id"),)

    order_id: UUID = Field(primary_key=True)
    number: str = Field(sa_type=Text)
    user_id: UUID
    user_name: str = Field(sa_type=Text)
    user_email: str = Field(sa_type=Text)
    total: Decimal = Field(sa_type=Numeric)
    currency: str = Field(sa_type=Text)
    item_count: int
    item_names: str = Field(sa_type=Text)
    items: list[dict[str, Any]] = Field(sa_type=JSONB)
    status: str = Field(sa_type=Text)
    payment_reference: str | None = Field(sa_type=Text)
    carrier: str | None = Field(sa_type=Text)
    tracking_number: str | None = Field(sa_type=Text)
    cancellation_reason: str | None = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(sa_type=DateTime(timezone=True))
    version: int
    stale: bool
    log_position: int = Field(sa_type=BigInteger)


def key(event: Event) -> UUID | None:
    return event.stream_id if event.stream_type == "order" else None


def fold(row: Row | None, event: Event) -> Row | None:
    match event.fact:
        case OrderCreated() as fact:
            return _created(fact, event)
        case OrderPaid() as fact:
            return _moved(row, event, Status.PAID) | {"payment_reference": fact.payment_reference}
        case OrderShipped() as fact:
            return _moved(row, event, Status.SHIPPED) | {
                "carrier": fact.carrier,
                "tracking_number": fact.tracking_number,
            }
    return row


def _created(fact: OrderCreated, event: Event) -> Row:
    return {
        "order_id": fact.order_id,
        "number": fact.number,
        "user_id": fact.user_id,
        "user_name": fact.user_name,
        "user_email": fact.user_email,
        "total": fact.total,
        "currency": fact.currency,
        "item_count": len(fact.lines),
        "item_names": ", ".join([item.name for item in fact.lines]),
        "items": [
            {
                "product_id": item.product_id,
                "sku": item.sku,
                "name": item.name,
                "quantity": item.quantity,
                "unit_price": item.unit_price,
                "line_total": item.total,
            }
            for item in fact.lines
        ],
        "status": Status.PENDING,
        "payment_reference": None,
        "carrier": None,
        "tracking_number": None,
        "cancellation_reason": None,
        "created_at": event.at,
        "updated_at": event.at,
        "version": event.version,
        "stale": False,
    }


def _moved(row: Row | None, event: Event, status: Status) -> Row:
    return known(row, event) | {"status": status, "version": event.version, "updated_at": event.at}


PROJECTION = Projection(table=UserOrdersView, key=key, fold=fold)

NEWEST_FIRST = Keyset(UserOrdersView.created_at, UserOrdersView.order_id, descending=True)


def by_id(order_id: UUID, *, user_id: UUID | None = None) -> Select[UserOrdersView]:
    """One order; with `user_id`, only if it is that user's."""
    found = select(UserOrdersView).where(col(UserOrdersView.order_id) == order_id)
    return found if user_id is None else found.where(col(UserOrdersView.user_id) == user_id)


def of_user(user_id: UUID, statuses: Sequence[str] | None = None) -> Select[UserOrdersView]:
    found = select(UserOrdersView).where(col(UserOrdersView.user_id) == user_id)
    return found if statuses is None else found.where(col(UserOrdersView.status).in_(statuses))


def count(orders: Select[Any]) -> Select[int]:
    return orders.with_only_columns(func.count().label("count"), maintain_column_froms=True)
