"""users_view: one row a user, with what that user's orders add up to."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, Numeric, Select, Text, select
from sqlmodel import Field, col

from domain.events import (
    Event,
    OrderCancelled,
    OrderCreated,
    OrderItemAdded,
    OrderItemQuantityChanged,
    OrderItemRemoved,
    OrderRefunded,
    UserEmailChanged,
    UserRegistered,
    UserRenamed,
)
from domain.money import Currency
from domain.tables import User
from projections.keyset import Keyset, Parts
from projections.projection import Kept, Projection, ReadTable, Row, known
from projections.search import Searched, Word

SEARCHED = Searched("name", "email")


class UsersView(ReadTable, table=True):
    __tablename__ = "users_view"
    __table_args__ = (
        Index("ix_users_view_created", "created_at", "user_id"),
        SEARCHED.index("ix_users_view_search"),
        SEARCHED.index_of_letters("ix_users_view_letters"),
    )

    user_id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    email: str = Field(sa_type=Text)
    order_count: int
    total_spent: Decimal = Field(sa_type=Numeric)
    currency: str = Field(sa_type=Text)
    last_order_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(sa_type=DateTime(timezone=True))
    version: int
    log_position: int = Field(sa_type=BigInteger)


_CONCERNED = (
    UserRegistered,
    UserRenamed,
    UserEmailChanged,
    OrderCreated,
    OrderItemAdded,
    OrderItemQuantityChanged,
    OrderItemRemoved,
    OrderCancelled,
    OrderRefunded,
)


def key(event: Event) -> UUID | None:
    """An order counts for its user, whose events are in the same partition and so in order with it."""
    return event.fact.user_id if isinstance(event.fact, _CONCERNED) else None


def fold(row: Row | None, event: Event) -> Row | None:
    match event.fact:
        case UserRegistered() as fact:
            return {
                "user_id": fact.user_id,
                "name": fact.name,
                "email": fact.email,
                "order_count": 0,
                "total_spent": Currency.of(fact.currency).zero,
                "currency": fact.currency,
                "last_order_at": None,
                "created_at": event.at,
                "updated_at": event.at,
                "version": event.version,
            }
        case UserRenamed() as fact:
            return known(row, event) | {"name": fact.name, "version": event.version, "updated_at": event.at}
        case UserEmailChanged() as fact:
            return known(row, event) | {"email": fact.email, "version": event.version, "updated_at": event.at}
        case OrderCreated() as fact:
            user = known(row, event)
            return _spent(user, fact.total) | {
                "order_count": user["order_count"] + 1,
                "last_order_at": max(user["last_order_at"] or event.at, event.at),
            }
        case OrderItemAdded() as fact:
            return _spent(known(row, event), fact.line.total)
        case OrderItemQuantityChanged() as fact:
            return _spent(known(row, event), (fact.quantity - fact.before) * fact.unit_price)
        case OrderItemRemoved() as fact:
            return _spent(known(row, event), -fact.line.total)
        case OrderCancelled() | OrderRefunded() as fact:
            return _spent(known(row, event), -fact.total)
    return row


def _spent(user: Row, amount: Decimal) -> Row:
    return user | {"total_spent": user["total_spent"] + amount}


KEPT = Kept(table=User, columns=("name", "email", "version", "created_at", "updated_at"))
PROJECTION = Projection(table=UsersView, key=key, fold=fold, kept=KEPT)

NEWEST_FIRST = Keyset(UsersView.created_at, UsersView.user_id, descending=True)


def by_id(user_id: UUID) -> Select[UsersView]:
    return select(UsersView).where(col(UsersView.user_id) == user_id)


def matching(words: Iterable[Word] = ()) -> Parts:
    """Users whose name and e-mail have all of these words."""
    return [select(UsersView).where(*SEARCHED.contains(words))]
