"""Give a product another name; orders that have it keep the name it had."""

from dataclasses import dataclass
from uuid import UUID

from domain import product, products
from domain.transaction import Change, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameProduct:
    product_id: UUID
    name: str


async def handle(command: RenameProduct, tx: Transaction) -> Change:
    current = await products.lock(command.product_id, tx)
    fact = product.rename(current, name=command.name)
    return products.change(current, fact, tx, name=fact.name)
