"""The facts of the log: what happened, in the past tense, with all that a projection needs to know about it.

A fact's fields are its stored shape. They carry names, prices and e-mail as they were at that moment, so that no
projection has to look into the write store.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRegistered:
    user_id: UUID
    name: str
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


Fact = UserRegistered | ProductAdded | OrderCreated | OrderPaid | OrderShipped

FACTS: dict[str, type[Fact]] = {
    fact.__name__: fact for fact in (UserRegistered, ProductAdded, OrderCreated, OrderPaid, OrderShipped)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact at its place in the log.

    `version` counts the stream's events from 1, `position` those of the partition; `at` is when it happened, in UTC.
    `position` is 0 for a fact that was decided but not written (a dry run).
    """

    stream_type: str
    stream_id: UUID
    version: int
    fact: Fact
    at: datetime
    actor: str
    partition: int
    position: int = 0
