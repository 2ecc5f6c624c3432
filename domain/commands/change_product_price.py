"""Change what a product costs from now on; orders that have it keep the price it had."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from domain import product, products
from domain.transaction import Change, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeProductPrice:
    product_id: UUID
    price: Decimal


async def handle(command: ChangeProductPrice, tx: Transaction) -> Change:
    current = await products.lock(command.product_id, tx)
    fact = product.change_price(current, price=command.price, currency=tx.currency)
    return products.change(current, fact, tx, price=fact.price, currency=fact.currency)
