"""An amount with its currency."""

from decimal import Decimal

import strawberry


@strawberry.type
class Money:
    amount: Decimal
    currency: str = strawberry.field(description="ISO 4217.")
