"""The write store: users, products and orders in normal form, the event log, and the receipts of commands."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, Numeric, Sequence, SmallInteger, Table, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import BYTEA, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class WriteTable(SQLModel, registry=registry()):
    """The base of this store's tables, with metadata of its own: no migration of it sees a read table."""


def table(model: type[WriteTable]) -> Table:
    """Return the table behind a model: statements are built on it once, without the ORM's work at every execution."""
    found: Table = model.__table__  # type: ignore[attr-defined]
    return found


def _moment() -> Any:
    return Field(sa_type=DateTime(timezone=True))


class User(WriteTable, table=True):
    __tablename__ = "users"

    id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    email: str = Field(sa_type=Text)
    email_key: str = Field(sa_type=Text, unique=True)
    version: int
    created_at: datetime = _moment()
    updated_at: datetime = _moment()


class Product(WriteTable, table=True):
    __tablename__ = "products"

    id: UUID = Field(primary_key=True)
    sku: str = Field(sa_type=Text, unique=True)
    name: str = Field(sa_type=Text)
    price: Decimal = Field(sa_type=Numeric)
    currency: str = Field(sa_type=Text)
    stock: int | None = Field(sa_type=BigInteger)
    retired: bool
    version: int
    created_at: datetime = _moment()
    updated_at: datetime = _moment()


class Order(WriteTable, table=True):
    __tablename__ = "orders"

    id: UUID = Field(primary_key=True)
    number: str = Field(sa_type=Text, unique=True)
    user_id: UUID = Field(foreign_key="users.id", index=True)
    status: str = Field(sa_type=Text)
    total: Decimal = Field(sa_type=Numeric)
    currency: str = Field(sa_type=Text)
    payment_reference: str | None = Field(default=None, sa_type=Text)
    carrier: str | None = Field(default=None, sa_type=Text)
    tracking_number: str | None = Field(default=None, sa_type=Text)
    cancellation_reason: str | None = Field(default=None, sa_type=Text)
    version: int
    created_at: datetime = _moment()
    updated_at: datetime = _moment()


class OrderItem(WriteTable, table=True):
    __tablename__ = "order_items"

    order_id: UUID = Field(primary_key=True, foreign_key="orders.id")
    product_id: UUID = Field(primary_key=True, foreign_key="products.id")
    line: int
    sku: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    quantity: int
    unit_price: Decimal = Field(sa_type=Numeric)


# Short, unique, rising. It may skip: a number that a rolled-back order took is not given again.
ORDER_NUMBERS = Sequence("order_numbers", metadata=WriteTable.metadata, start=100001)


class LogHead(WriteTable, table=True):
    """How many events a partition has; whoever appends holds this row's lock until the commit."""

    __tablename__ = "log_heads"

    partition: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    position: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})


class LogIdentity(WriteTable, table=True):
    """Which log this is. Whoever follows it remembers that, and so notices when it is given another one."""

    __tablename__ = "log_identity"

    id: UUID = Field(primary_key=True)


class StoredEvent(WriteTable, table=True):
    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("stream_id", "version"),)

    partition: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    position: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    event_id: UUID
    stream_id: UUID
    stream_type: str = Field(sa_type=Text)
    version: int
    type: str = Field(sa_type=Text)
    schema_version: int = Field(sa_type=SmallInteger)
    data: dict[str, Any] = Field(sa_type=JSONB)
    # The names are JSON keys: actor, idempotencyKey, correlationId, traceparent.
    # ("metadata" is taken in a SQLAlchemy class.)
    context: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs={"name": "metadata"})
    occurred_at: datetime = _moment()
    recorded_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("clock_timestamp()")}
    )


class Receipt(WriteTable, table=True):
    """That a command with this key was carried out, and with which effect; the log knows the rest."""

    __tablename__ = "receipts"
    __table_args__ = (Index("ix_receipts_created_at", "created_at"),)

    actor: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    fingerprint: bytes = Field(sa_type=BYTEA)
    stream_id: UUID
    version: int
    created_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("clock_timestamp()")}
    )
