"""Take a product out of the catalogue for good; orders that have it keep it."""

from dataclasses import dataclass
from uuid import UUID

from domain import product, products
from domain.transaction import Change, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireProduct:
    product_id: UUID


async def handle(command: RetireProduct, tx: Transaction) -> Change:
    current = await products.lock(command.product_id, tx)
    return products.change(current, product.retire(current), tx, retired=True)
