"""The facts of the log: what happened, in the past tense, with all that a projection needs to know about it.

A fact's fields are its stored shape. They carry names, prices and e-mail as they were at that moment, so that no
projection has to look into the write store.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import get_args
from uuid import UUID

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRegistered:
    user_id: UUID
    name: str
    email: str
    currency: str
    """In which this user's spending is added up; since version 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRenamed:
    user_id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEmailChanged:
    user_id: UUID
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductAdded:
    product_id: UUID
    sku: str
    name: str
    price: Decimal
    currency: str
    stock: int | None
    """Pieces; None: not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRenamed:
    product_id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductPriceChanged:
    product_id: UUID
    price: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRestocked:
    product_id: UUID
    quantity: int
    """Pieces added; below zero: taken away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRetired:
    product_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    product_id: UUID
    sku: str
    name: str
    quantity: int
    unit_price: Decimal

    @property
    def total(self) -> Decimal:
        return self.unit_price * self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCreated:
    order_id: UUID
    number: str
    user_id: UUID
    user_name: str
    user_email: str
    lines: tuple[OrderLine, ...]
    total: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderItemAdded:
    order_id: UUID
    user_id: UUID
    line: OrderLine
    total: Decimal
    """The order's, after this."""
    currency: str
    """The order's; since version 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderItemQuantityChanged:
    order_id: UUID
    user_id: UUID
    product_id: UUID
    before: int
    quantity: int
    unit_price: Decimal
    total: Decimal
    """The order's, after this."""
    currency: str
    """The order's; since version 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderItemRemoved:
    order_id: UUID
    user_id: UUID
    line: OrderLine
    total: Decimal
    """The order's, after this."""
    currency: str
    """The order's; since version 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPaid:
    order_id: UUID
    user_id: UUID
    payment_reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderShipped:
    order_id: UUID
    user_id: UUID
    carrier: str
    tracking_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDelivered:
    order_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelled:
    """The order's pieces are back in stock."""

    order_id: UUID
    user_id: UUID
    reason: str
    lines: tuple[OrderLine, ...]
    total: Decimal
    currency: str
    """The order's; since version 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRefunded:
    order_id: UUID
    user_id: UUID
    reason: str
    lines: tuple[OrderLine, ...]
    total: Decimal
    currency: str
    """The order's; since version 2."""
    restocked: bool
    """Whether the order's pieces are back in stock: they are, unless they were shipped."""


Fact = (
    UserRegistered
    | UserRenamed
    | UserEmailChanged
    | ProductAdded
    | ProductRenamed
    | ProductPriceChanged
    | ProductRestocked
    | ProductRetired
    | OrderCreated
    | OrderItemAdded
    | OrderItemQuantityChanged
    | OrderItemRemoved
    | OrderPaid
    | OrderShipped
    | OrderDelivered
    | OrderCancelled
    | OrderRefunded
)

# Facts whose shape has changed since they were first written down; domain.upcasters lifts the older ones.
SCHEMA_VERSIONS: dict[str, int] = {
    "UserRegistered": 2,
    "OrderItemAdded": 2,
    "OrderItemQuantityChanged": 2,
    "OrderItemRemoved": 2,
    "OrderCancelled": 2,
    "OrderRefunded": 2,
}
FACTS: dict[str, type[Fact]] = {fact.__name__: fact for fact in get_args(Fact)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """What stands in the log in the place of a fact, and does not have its shape."""

    type: str
    reason: str


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact at its place in the log.

    `version` counts the stream's events from 1, `position` those of the partition; `at` is when it happened, in UTC.
    `position` is 0 for a fact that was decided but not written (a dry run). It is a struct, since one is made for each
    event that is read, and a frozen dataclass takes five times as long.
    """

    stream_type: str
    stream_id: UUID
    version: int
    fact: Fact | Unreadable
    at: datetime
    actor: str
    partition: int
    position: int = 0
