"""A product: one row of products_view."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import strawberry

from api.shown import Column, Shown, money
from api.types.money import Money
from api.types.node import Node
from projections.projection import Projection
from projections.views import products_view


@strawberry.type(description="One row of products_view.")
class Product(Node):
    projection: ClassVar[Projection] = products_view.PROJECTION
    shown: ClassVar[Shown] = {
        "id": Column("product_id"),
        "price": money(Column("price")),
        "stock": Column("stocked", "units_sold", read=products_view.left),
        "revenue": money(Column("revenue", "price", read=Decimal.quantize)),
    }

    sku: str
    name: str
    price: Money
    stock: int | None = strawberry.field(description="What can still be ordered; null: not counted.")
    retired: bool
    units_sold: int
    created_at: datetime
    updated_at: datetime
    version: int
    row: strawberry.Private[Mapping[str, Any]]

    @strawberry.field
    def revenue(self) -> Money:
        amount = self.row.get("revenue", Decimal(0))
        return Money(amount=amount.quantize(self.row["price"]), currency=self.row["currency"])

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Product":
        """Make a product of its row; one that was only folded has no counters, and sold nothing yet."""
        sold = row.get("units_sold", 0)
        return cls(
            id=strawberry.ID(str(row["product_id"])),
            sku=row["sku"],
            name=row["name"],
            price=Money(amount=row["price"], currency=row["currency"]),
            stock=products_view.left(row["stocked"], sold),
            retired=row["retired"],
            units_sold=sold,
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            version=row["version"],
            row=row,
        )
