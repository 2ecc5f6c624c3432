"""The rules of products, pure: state and input to facts, or a refusal."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from domain.errors import InsufficientStock, InvalidInput
from domain.events import ProductAdded, ProductPriceChanged, ProductRenamed, ProductRestocked, ProductRetired
from domain.money import Currency
from domain.text import line

LARGEST_STOCK = 1_000_000_000
LONGEST_SKU = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductState:
    product_id: UUID
    stock: int | None
    retired: bool
    version: int


def add(
    *, product_id: UUID, sku: str, name: str, price: Decimal, stock: int | None, currency: Currency
) -> ProductAdded:
    if stock is not None and not 0 <= stock <= LARGEST_STOCK:
        raise InvalidInput(
            f"The stock must be between 0 and {LARGEST_STOCK}; leave it out where it is not counted.", ("stock",)
        )
    return ProductAdded(
        product_id=product_id,
        sku=line(sku, ("sku",), what="The sku", longest=LONGEST_SKU),
        name=_name(name),
        price=currency.price(price, ("price",)),
        currency=currency.code,
        stock=stock,
    )


def rename(product: ProductState, *, name: str) -> ProductRenamed:
    return ProductRenamed(product_id=product.product_id, name=_name(name))


def change_price(product: ProductState, *, price: Decimal, currency: Currency) -> ProductPriceChanged:
    exact = currency.price(price, ("price",))
    return ProductPriceChanged(product_id=product.product_id, price=exact, currency=currency.code)


def restock(product: ProductState, *, quantity: int) -> ProductRestocked:
    if product.stock is None:
        raise InvalidInput("The stock of this product is not counted: it can always be ordered.", ("productId",))
    if quantity == 0:
        raise InvalidInput(
            "The quantity must not be 0: give the pieces to add, or below zero to take away.", ("quantity",)
        )
    if quantity < -LARGEST_STOCK:
        raise InvalidInput(f"At most {LARGEST_STOCK} pieces can be taken away.", ("quantity",))
    if product.stock + quantity < 0:
        raise InsufficientStock(
            f"There are {product.stock} in stock: {-quantity} cannot be taken away.",
            ("quantity",),
            product_id=product.product_id,
            requested=-quantity,
            available=product.stock,
        )
    if product.stock + quantity > LARGEST_STOCK:
        raise InvalidInput(f"The stock must be at most {LARGEST_STOCK}; there are {product.stock}.", ("quantity",))
    return ProductRestocked(product_id=product.product_id, quantity=quantity)


def retire(product: ProductState) -> ProductRetired:
    if product.retired:
        raise InvalidInput("This product is retired already.", ("productId",))
    return ProductRetired(product_id=product.product_id)


def _name(value: str) -> str:
    return line(value, ("name",), what="The name")
