"""Products as orders see them: looked up, locked where their stock counts, their stock taken and given back."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import Uuid, any_, bindparam, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from domain.events import OrderLine
from domain.order import CatalogueItem
from domain.tables import Product, table
from domain.transaction import Transaction

_PRODUCTS = table(Product)
_COLUMNS = ("id", "sku", "name", "price", "currency", "stock", "retired")
_LOOK_UP = select(*(_PRODUCTS.c[name] for name in _COLUMNS)).where(
    _PRODUCTS.c.id == any_(bindparam("ids", type_=ARRAY(Uuid)))
)
_LOCK = _LOOK_UP.order_by(_PRODUCTS.c.id).with_for_update(key_share=True)
_TAKE = (
    update(_PRODUCTS)
    .where(_PRODUCTS.c.id == bindparam("product"), _PRODUCTS.c.stock.is_not(None))
    .values(stock=_PRODUCTS.c.stock - bindparam("quantity"))
)


async def look_up(product_ids: Iterable[UUID], tx: Transaction) -> dict[UUID, CatalogueItem]:
    """Return the products that exist; those whose stock counts stay locked until the commit, in the order of ids."""
    found = {row.id: row for row in await tx.connection.all(_LOOK_UP, {"ids": list(product_ids)})}
    if counted := [row.id for row in found.values() if row.stock is not None]:
        found |= {row.id: row for row in await tx.connection.all(_LOCK, {"ids": counted})}
    return {
        row.id: CatalogueItem(
            product_id=row.id,
            sku=row.sku,
            name=row.name,
            price=row.price,
            currency=row.currency,
            stock=row.stock,
            retired=row.retired,
        )
        for row in found.values()
    }


async def take(pieces: Mapping[UUID, int], tx: Transaction) -> None:
    """Take pieces of products from the stock, where it counts; below zero gives back. Locks in the order of ids."""
    taken = [{"product": product_id, "quantity": pieces[product_id]} for product_id in sorted(pieces)]
    if taken:
        await tx.connection.each(_TAKE, taken)


async def give_back(lines: Iterable[OrderLine], tx: Transaction) -> None:
    await take({item.product_id: -item.quantity for item in lines}, tx)
