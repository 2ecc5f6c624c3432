"""A product: one row of products_view."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

from api.selection import Shown
from api.types.money import Money
from api.types.node import Node

SHOWN: Shown = {
    "id": ("product_id",),
    "price": ("price", "currency"),
    "stock": ("stocked", "units_sold"),
    "revenue": ("revenue", "price", "currency"),
}


@strawberry.type(description="One row of products_view.")
class Product(Node):
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
            stock=None if row["stocked"] is None else row["stocked"] - sold,
            retired=row["retired"],
            units_sold=sold,
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            version=row["version"],
            row=row,
        )
