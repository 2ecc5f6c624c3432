"""products_view: one row a product, with what is left of it and what was sold.

Orders are in other partitions than products, so what they take comes as additions, in any order: `units_sold` may rise
before the product's own first event is here. Such a row has no version yet, and is not shown.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, Numeric, Select, Text, func, select, text
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
    ProductAdded,
    ProductPriceChanged,
    ProductRenamed,
    ProductRestocked,
    ProductRetired,
)
from domain.tables import Product
from projections.keyset import Keyset, Parts
from projections.projection import Addition, Kept, Projection, ReadTable, Row, known
from projections.search import Searched, Word

SEARCHED = Searched("name", "sku")


def _counter(sa_type: Any) -> Any:
    return Field(sa_type=sa_type, sa_column_kwargs={"server_default": text("0")})


class ProductsView(ReadTable, table=True):
    __tablename__ = "products_view"
    __table_args__ = (
        Index("ix_products_view_name", "name", "product_id"),
        Index("ix_products_view_retired", "retired", "name", "product_id"),
        SEARCHED.index("ix_products_view_search"),
        SEARCHED.index_of_letters("ix_products_view_letters"),
    )

    product_id: UUID = Field(primary_key=True)
    sku: str | None = Field(sa_type=Text)
    name: str | None = Field(sa_type=Text)
    price: Decimal | None = Field(sa_type=Numeric)
    currency: str | None = Field(sa_type=Text)
    stocked: int | None = Field(sa_type=BigInteger)
    """Pieces put in stock so far; None: not counted."""
    retired: bool | None
    created_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    updated_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    version: int | None
    log_position: int | None = Field(sa_type=BigInteger)
    units_sold: int = _counter(BigInteger)
    revenue: Decimal = _counter(Numeric)


def key(event: Event) -> UUID | None:
    return event.stream_id if event.stream_type == "product" else None


def fold(row: Row | None, event: Event) -> Row | None:
    match event.fact:
        case ProductAdded() as fact:
            return {
                "product_id": fact.product_id,
                "sku": fact.sku,
                "name": fact.name,
                "price": fact.price,
                "currency": fact.currency,
                "stocked": fact.stock,
                "retired": False,
                "created_at": event.at,
                "updated_at": event.at,
                "version": event.version,
            }
        case ProductRenamed() as fact:
            return _changed(row, event) | {"name": fact.name}
        case ProductPriceChanged() as fact:
            return _changed(row, event) | {"price": fact.price, "currency": fact.currency}
        case ProductRestocked() as fact:
            product = _changed(row, event)
            return product | {"stocked": product["stocked"] + fact.quantity}
        case ProductRetired():
            return _changed(row, event) | {"retired": True}
    return row


def _changed(row: Row | None, event: Event) -> Row:
    return known(row, event) | {"version": event.version, "updated_at": event.at}


def add(event: Event) -> Iterable[Addition]:
    match event.fact:
        case OrderCreated() as fact:
            yield from (_sold(item) for item in fact.lines)
        case OrderItemAdded() as fact:
            yield _sold(fact.line)
        case OrderItemQuantityChanged() as fact:
            more = fact.quantity - fact.before
            yield (fact.product_id,), {"units_sold": more, "revenue": more * fact.unit_price}
        case OrderItemRemoved() as fact:
            yield _returned(fact.line)
        case OrderCancelled() as fact:
            yield from (_returned(item) for item in fact.lines)
        case OrderRefunded() as fact:
            yield from (_returned(item, restocked=fact.restocked) for item in fact.lines)


def _sold(item: OrderLine) -> Addition:
    return (item.product_id,), {"units_sold": item.quantity, "revenue": item.total}


def _returned(item: OrderLine, *, restocked: bool = True) -> Addition:
    """Take a line back; pieces that stay with the buyer remain sold, so that the stock stays what it is."""
    return (item.product_id,), {"units_sold": -item.quantity if restocked else 0, "revenue": -item.total}


def left(stocked: int | None, units_sold: int) -> int | None:
    """Return how many pieces are in stock; None: not counted."""
    return None if stocked is None else stocked - units_sold


KEPT = Kept(
    table=Product,
    columns=("sku", "name", "price", "currency", "retired", "version", "created_at", "updated_at"),
    counted={"stock": lambda row: left(row["stocked"], row["units_sold"])},
)
PROJECTION = Projection(
    table=ProductsView, key=key, fold=fold, add=add, counters=frozenset({"units_sold", "revenue"}), kept=KEPT
)

BY_NAME = Keyset(ProductsView.name, ProductsView.product_id)


def by_id(product_id: UUID) -> Select[ProductsView]:
    return _shown().where(col(ProductsView.product_id) == product_id)


def matching(*, words: Iterable[Word] = (), retired: bool | None = None, in_stock: bool | None = None) -> Parts:
    """Products whose name and sku have all of these words; `in_stock` counts uncounted ones in.

    No index has those in stock, since each order would have to move its products in it: they are looked for by name.
    """
    found = _shown().where(*SEARCHED.contains(words))
    if retired is not None:
        found = found.where(col(ProductsView.retired) == retired)
    if in_stock is not None:
        left = func.coalesce(col(ProductsView.stocked) - col(ProductsView.units_sold), 1) > 0
        found = found.where(left if in_stock else ~left)
    return [found]


def _shown() -> Select[ProductsView]:
    return select(ProductsView).where(col(ProductsView.version).is_not(None))
