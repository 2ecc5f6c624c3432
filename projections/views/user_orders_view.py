"""user_orders_view: all that a page about an order shows, one row an order."""

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Index,
    Numeric,
    Select,
    Text,
    Uuid,
    any_,
    cast,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, col

from domain.events import (
    Event,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderItemAdded,
    OrderItemQuantityChanged,
    OrderItemRemoved,
    OrderLine,
    OrderPaid,
    OrderRefunded,
    OrderShipped,
    UserEmailChanged,
    UserRenamed,
)
from domain.lifecycle import Status
from domain.tables import Order
from projections.keyset import Keyset, Parts
from projections.projection import Kept, Projection, ReadTable, Row, Update, known
from projections.search import Searched, Word
from projections.text import text
from projections.timeline import happened

Item = dict[str, Any]
Place = tuple[int, UUID]
"""A log position, and the order among those that the event there changed: a rename changes many."""
SEARCHED = Searched("number", "user_name", "user_email", "item_names")


class UserOrdersView(ReadTable, table=True):
    __tablename__ = "user_orders_view"
    # Each order that is offered, of all orders, of those in one status, and of one user's.
    __table_args__ = (
        Index("ix_user_orders_view_created", "created_at", "order_id"),
        Index("ix_user_orders_view_total", "total", "order_id"),
        Index("ix_user_orders_view_updated", "updated_at", "order_id"),
        Index("ix_user_orders_view_status_created", "status", "created_at", "order_id"),
        Index("ix_user_orders_view_status_total", "status", "total", "order_id"),
        Index("ix_user_orders_view_status_updated", "status", "updated_at", "order_id"),
        Index("ix_user_orders_view_newest", "user_id", "created_at", "order_id"),
        Index("ix_user_orders_view_user_total", "user_id", "total", "order_id"),
        Index("ix_user_orders_view_user_updated", "user_id", "updated_at", "order_id"),
        Index("ix_user_orders_view_changed", "user_id", "log_position", "order_id"),
        SEARCHED.index("ix_user_orders_view_search"),
        SEARCHED.index_of_letters("ix_user_orders_view_letters"),
    )

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
    timeline: list[dict[str, Any]] = Field(sa_type=JSONB)
    log_position: int = Field(sa_type=BigInteger)


def key(event: Event) -> UUID | None:
    return event.stream_id if event.stream_type == "order" else None


def fold(row: Row | None, event: Event) -> Row | None:
    match event.fact:
        case OrderCreated() as fact:
            return _created(fact, event)
        case OrderItemAdded() as fact:
            order = known(row, event)
            return _with_items(order, event, [*order["items"], _item(fact.line)], fact.total)
        case OrderItemQuantityChanged() as fact:
            order = known(row, event)
            return _with_items(order, event, [_with_quantity(item, fact) for item in order["items"]], fact.total)
        case OrderItemRemoved() as fact:
            order, gone = known(row, event), text(fact.line.product_id)
            left = [item for item in order["items"] if item["product_id"] != gone]
            return _with_items(order, event, left, fact.total)
        case OrderPaid() as fact:
            return _next(row, event, status=Status.PAID, payment_reference=fact.payment_reference)
        case OrderShipped() as fact:
            return _next(row, event, status=Status.SHIPPED, carrier=fact.carrier, tracking_number=fact.tracking_number)
        case OrderDelivered():
            return _next(row, event, status=Status.DELIVERED)
        case OrderCancelled() as fact:
            return _next(row, event, status=Status.CANCELLED, cancellation_reason=fact.reason)
        case OrderRefunded() as fact:
            return _next(row, event, status=Status.REFUNDED, cancellation_reason=fact.reason)
    return row


def update(event: Event) -> Update | None:
    """A user's new name or address is shown on all of its orders."""
    match event.fact:
        case UserRenamed() as fact:
            return Update(where={"user_id": fact.user_id}, values={"user_name": fact.name})
        case UserEmailChanged() as fact:
            return Update(where={"user_id": fact.user_id}, values={"user_email": fact.email})
    return None


def _created(fact: OrderCreated, event: Event) -> Row:
    return {
        "order_id": fact.order_id,
        "number": fact.number,
        "user_id": fact.user_id,
        "user_name": fact.user_name,
        "user_email": fact.user_email,
        "total": fact.total,
        "currency": fact.currency,
        **_shown([_item(item) for item in fact.lines]),
        "status": Status.PENDING,
        "payment_reference": None,
        "carrier": None,
        "tracking_number": None,
        "cancellation_reason": None,
        "created_at": event.at,
        "updated_at": event.at,
        "version": event.version,
        "stale": False,
        "timeline": [happened(event)],
    }


def _with_items(row: Row, event: Event, items: list[Item], total: Decimal) -> Row:
    return _next(row, event, total=total, **_shown(items))


def _next(row: Row | None, event: Event, **changes: Any) -> Row:
    order = known(row, event)
    timeline = [*order["timeline"], happened(event)]
    return {**order, **changes, "version": event.version, "updated_at": event.at, "timeline": timeline}


def _shown(items: list[Item]) -> Row:
    return {"items": items, "item_count": len(items), "item_names": ", ".join([item["name"] for item in items])}


def _item(item: OrderLine) -> Item:
    """Return a line as it comes back from the table: amounts and ids are text in JSON."""
    return {
        "product_id": text(item.product_id),
        "sku": item.sku,
        "name": item.name,
        "quantity": item.quantity,
        "unit_price": str(item.unit_price),
        "line_total": str(item.total),
    }


def _with_quantity(item: Item, fact: OrderItemQuantityChanged) -> Item:
    if item["product_id"] != text(fact.product_id):
        return item
    return item | {"quantity": fact.quantity, "line_total": str(fact.quantity * fact.unit_price)}


KEPT = Kept(
    table=Order,
    columns=(
        *("number", "user_id", "status", "total", "currency", "version", "created_at", "updated_at"),
        *("payment_reference", "carrier", "tracking_number", "cancellation_reason"),
    ),
)

PROJECTION = Projection(
    table=UserOrdersView, key=key, fold=fold, update=update, updated_by=frozenset({"user_id"}), kept=KEPT
)

NEWEST_FIRST = Keyset(UserOrdersView.created_at, UserOrdersView.order_id, descending=True)
_BY_CHANGE = Keyset(UserOrdersView.log_position, UserOrdersView.order_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which orders: those for which all of this holds. No statuses at all are the statuses of no order."""

    user_id: UUID | None = None
    statuses: tuple[str, ...] | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    total_from: Decimal | None = None
    total_to: Decimal | None = None
    words: tuple[Word, ...] = ()


def by_id(order_id: UUID, *, user_id: UUID | None = None) -> Select[UserOrdersView]:
    """One order; with `user_id`, only if it is that user's."""
    found = select(UserOrdersView).where(col(UserOrdersView.order_id) == order_id)
    return found if user_id is None else found.where(col(UserOrdersView.user_id) == user_id)


def matching(wanted: Wanted) -> Parts:
    """Return the orders that are wanted, in parts: a user's are in one, since an index has those in order.

    All others come status by status, where statuses are chosen, since no index has those of several in order.
    """
    orders = select(UserOrdersView).where(*_conditions(wanted))
    status = col(UserOrdersView.status)
    if wanted.statuses is None:
        return [orders]
    if wanted.user_id is not None or not wanted.statuses:
        return [orders.where(status.in_(wanted.statuses))]
    return [orders.where(status == each) for each in wanted.statuses]


def chosen(statuses: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return each status once and in order, so that the same choice is the same list."""
    return None if statuses is None else tuple(sorted(set(statuses)))


def _conditions(wanted: Wanted) -> Sequence[ColumnElement[bool]]:
    compared = (
        (operator.eq, UserOrdersView.user_id, wanted.user_id),
        (operator.ge, UserOrdersView.created_at, wanted.created_from),
        (operator.lt, UserOrdersView.created_at, wanted.created_before),
        (operator.ge, UserOrdersView.total, wanted.total_from),
        (operator.le, UserOrdersView.total, wanted.total_to),
    )
    conditions = [compare(column, value) for compare, column, value in compared if value is not None]
    return [*conditions, *SEARCHED.contains(wanted.words)]


def place(row: Row) -> Place:
    """Return where a row stands in the order in which its user's orders were changed."""
    return row["log_position"], row["order_id"]


def last_changed(user_id: UUID) -> Select[UserOrdersView]:
    """Return the order of a user that was changed last."""
    order = col(UserOrdersView.log_position).desc(), col(UserOrdersView.order_id).desc()
    return select(UserOrdersView).where(col(UserOrdersView.user_id) == user_id).order_by(*order).limit(1)


def changed(user_ids: list[UUID], after: Place, *, limit: int, order_id: UUID | None = None) -> Select[UserOrdersView]:
    """Rows of users of one partition that were changed behind a place, in the order of their last changes.

    That order is the log's: a row that is committed later never stands before one that was seen.
    """
    where = [col(UserOrdersView.user_id) == any_(cast(user_ids, ARRAY(Uuid))), _BY_CHANGE.behind(after)]
    if order_id is not None:
        where.append(col(UserOrdersView.order_id) == order_id)
    return select(UserOrdersView).where(*where).order_by(_BY_CHANGE.sort, _BY_CHANGE.key).limit(limit)
