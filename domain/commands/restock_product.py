"""Add pieces to the stock of a product, or take some away."""

from dataclasses import dataclass
from uuid import UUID

from domain import product, products
from domain.transaction import Change, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class RestockProduct:
    product_id: UUID
    quantity: int


async def handle(command: RestockProduct, tx: Transaction) -> Change:
    current = await products.lock(command.product_id, tx)
    fact = product.restock(current, quantity=command.quantity)
    assert current.stock is not None  # noqa: S101 - for the type checker; the rule looked
    return products.change(current, fact, tx, stock=current.stock + fact.quantity)
