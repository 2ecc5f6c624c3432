"""Inputs that several commands share."""

from decimal import Decimal

import strawberry


@strawberry.input
class OrderLineInput:
    product_id: strawberry.ID
    quantity: int
    unit_price: Decimal | None = strawberry.field(
        default=None, description="Another price than the product's; staff only."
    )
