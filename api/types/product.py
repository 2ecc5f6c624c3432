"""A product: one row of products_view."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

from api.types.money import Money
from api.types.node import Node


@strawberry.type(description="One row of products_view.")
class Product(Node):
    sku: str
    name: str
    price: Money
    stock: int | None = strawberry.field(description="What can still be ordered; null: not counted.")
    retired: bool
    units_sold: int
    revenue: Money
    created_at: datetime
    updated_at: datetime
    version: int

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
            revenue=Money(amount=row.get("revenue", Decimal(0)).quantize(row["price"]), currency=row["currency"]),
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            version=row["version"],
        )
