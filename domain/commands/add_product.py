"""Add a product to the catalogue: the first fact of its stream. A sku belongs to one product."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from domain import product
from domain.errors import AlreadyExists
from domain.event_log import partition_of_product
from domain.statements import Write
from domain.tables import Product, table
from domain.transaction import Change, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class AddProduct:
    sku: str
    name: str
    price: Decimal
    stock: int | None = None
    id: UUID | None = None


_TABLE = table(Product)
_OF_ID = select(_TABLE.c.id).where(_TABLE.c.id == bindparam("id"))
_OF_SKU = select(_TABLE.c.id).where(_TABLE.c.sku == bindparam("sku"))
_ADD = insert(_TABLE).on_conflict_do_nothing().returning(_TABLE.c.id)


async def handle(command: AddProduct, tx: Transaction) -> Change:
    fact = product.add(
        product_id=command.id or tx.new_id(),
        sku=command.sku,
        name=command.name,
        price=command.price,
        stock=command.stock,
        currency=tx.currency,
    )
    row = {
        "id": fact.product_id,
        "sku": fact.sku,
        "name": fact.name,
        "price": fact.price,
        "currency": fact.currency,
        "stock": fact.stock,
        "retired": False,
        "version": 1,
        "created_at": tx.now,
        "updated_at": tx.now,
    }

    async def taken() -> AlreadyExists:
        if await tx.connection.one(_OF_ID, {"id": fact.product_id}):
            return AlreadyExists("There is a product with this id already.", ("id",), id=fact.product_id)
        has = await tx.connection.one(_OF_SKU, {"sku": fact.sku})
        message = f"There is a product with the sku {fact.sku} already: choose another."
        return AlreadyExists(message, ("sku",), id=has and has.id)

    return Change(
        stream_type="product",
        stream_id=fact.product_id,
        partition=partition_of_product(fact.product_id),
        version=1,
        fact=fact,
        writes=[Write(statement=_ADD, parameters=row, otherwise=taken)],
    )
