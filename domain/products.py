"""An existing product in the write store: locked and read for a decision, changed after it."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update

from domain.errors import NotFound
from domain.event_log import partition_of_product
from domain.events import Fact
from domain.product import ProductState
from domain.statements import Write
from domain.tables import Product, table
from domain.transaction import Change, Transaction

_PRODUCTS = table(Product)
_LOCK = (
    select(_PRODUCTS.c.id, _PRODUCTS.c.stock, _PRODUCTS.c.retired, _PRODUCTS.c.version)
    .where(_PRODUCTS.c.id == bindparam("product_id"))
    .with_for_update(key_share=True)
)
_CHANGE = update(_PRODUCTS).where(_PRODUCTS.c.id == bindparam("product_id")).returning(_PRODUCTS.c.id)


async def lock(product_id: UUID, tx: Transaction) -> ProductState:
    """Lock a product until the commit; refuse where there is none, or one of another version than expected."""
    row = await tx.connection.one(_LOCK, {"product_id": product_id})
    if row is None:
        raise NotFound("There is no product with this id.", ("productId",), id=product_id)
    tx.expect(row.version)
    return ProductState(product_id=row.id, stock=row.stock, retired=row.retired, version=row.version)


def change(current: ProductState, fact: Fact, tx: Transaction, **columns: Any) -> Change:
    version = current.version + 1
    row = {"product_id": current.product_id, "version": version, "updated_at": tx.now, **columns}
    return Change(
        stream_type="product",
        stream_id=current.product_id,
        partition=partition_of_product(current.product_id),
        version=version,
        fact=fact,
        writes=[Write(statement=_CHANGE, parameters=row)],
    )
