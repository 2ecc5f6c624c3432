"""users_view: one row a user, with what that user's orders add up to."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Numeric, Select, Text, select
from sqlmodel import Field, col

from domain import money
from domain.events import Event, OrderCreated, UserRegistered
from projections.projection import Projection, ReadTable, Row, known


class UsersView(ReadTable, table=True):
    __tablename__ = "users_view"

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


def key(event: Event) -> UUID | None:
    """An order counts for its user, whose events are in the same partition and so in order with it."""
    match event.fact:
        case UserRegistered() | OrderCreated() as fact:
            return fact.user_id
    return None


def fold(row: Row | None, event: Event) -> Row | None:
    match event.fact:
        case UserRegistered() as fact:
            return {
                "user_id": fact.user_id,
                "name": fact.name,
                "email": fact.email,
                "order_count": 0,
                "total_spent": Decimal("0.00"),
                "currency": money.CURRENCY,
                "last_order_at": None,
                "created_at": event.at,
                "updated_at": event.at,
                "version": event.version,
            }
        case OrderCreated() as fact:
            user = known(row, event)
            return user | {
                "order_count": user["order_count"] + 1,
                "total_spent": user["total_spent"] + fact.total,
                "last_order_at": max(user["last_order_at"] or event.at, event.at),
            }
    return row


PROJECTION = Projection(table=UsersView, key=key, fold=fold)


def by_id(user_id: UUID) -> Select[UsersView]:
    return select(UsersView).where(col(UsersView.user_id) == user_id)
