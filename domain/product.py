"""The rules of products, pure: input to facts, or a refusal."""

from decimal import Decimal
from uuid import UUID

from domain import money
from domain.errors import InvalidInput
from domain.events import ProductAdded
from domain.text import line

LARGEST_STOCK = 1_000_000_000
LONGEST_SKU = 64


def add(*, product_id: UUID, sku: str, name: str, price: Decimal, stock: int | None) -> ProductAdded:
    if stock is not None and not 0 <= stock <= LARGEST_STOCK:
        raise InvalidInput(
            f"The stock must be between 0 and {LARGEST_STOCK}; leave it out where it is not counted.", ("stock",)
        )
    return ProductAdded(
        product_id=product_id,
        sku=line(sku, ("sku",), what="The sku", longest=LONGEST_SKU),
        name=line(name, ("name",), what="The name"),
        price=money.price(price, ("price",)),
        currency=money.CURRENCY,
        stock=stock,
    )
