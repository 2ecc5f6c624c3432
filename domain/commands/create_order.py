"""Place an order: prices from the catalogue, stock taken, all lines or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Uuid, any_, bindparam, insert, literal_column, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as insert_once

from domain import order
from domain.errors import AlreadyExists, NotFound
from domain.event_log import partition_of_user
from domain.events import OrderCreated, OrderLine
from domain.order import Buyer, CatalogueItem, Line, Status
from domain.tables import Order, OrderItem, Product, User, table
from domain.transaction import Change, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOrder:
    user_id: UUID
    items: tuple[Line, ...]
    expected_total: Decimal | None = None
    id: UUID | None = None


async def handle(command: CreateOrder, tx: Transaction) -> Change:
    order.check_lines(command.items)
    user = await _buyer(command.user_id, tx)
    catalogue = await _catalogue([wanted.product_id for wanted in command.items], tx)
    fact = order.create(
        order_id=command.id or tx.new_id(),
        number=user.number,
        buyer=Buyer(user_id=user.id, name=user.name, email=user.email),
        lines=command.items,
        catalogue=catalogue,
        expected_total=command.expected_total,
        may_set_prices=tx.actor.staff,
    )
    await _write(fact, tx)
    await _take_stock(fact, catalogue, tx)
    return Change(
        stream_type="order",
        stream_id=fact.order_id,
        partition=partition_of_user(fact.user_id),
        version=1,
        fact=fact,
    )


_USERS, _PRODUCTS, _ORDERS, _ITEMS = table(User), table(Product), table(Order), table(OrderItem)

_BUYER = (
    select(_USERS.c.id, _USERS.c.name, _USERS.c.email)
    .where(_USERS.c.id == bindparam("user_id"))
    .with_for_update(read=True)
)
_BUYER_AND_NUMBER = _BUYER.add_columns(literal_column("cast(nextval('order_numbers') as text)").label("number"))
# A dry run only looks at the next number: to have taken it would not be rolled back.
_BUYER_AND_NUMBER_TO_COME = _BUYER.add_columns(
    literal_column("(select cast(last_value + cast(is_called as int) as text) from order_numbers)").label("number")
)
_CATALOGUE = select(*(_PRODUCTS.c[name] for name in ("id", "sku", "name", "price", "stock", "retired"))).where(
    _PRODUCTS.c.id == any_(bindparam("ids", type_=ARRAY(Uuid)))
)
_COUNTED = _CATALOGUE.order_by(_PRODUCTS.c.id).with_for_update(key_share=True)
_ADD_ORDER = insert_once(_ORDERS).on_conflict_do_nothing(index_elements=[_ORDERS.c.id]).returning(_ORDERS.c.id)
_ADD_ITEMS = insert(_ITEMS)
_TAKE = (
    update(_PRODUCTS)
    .where(_PRODUCTS.c.id == bindparam("product"))
    .values(stock=_PRODUCTS.c.stock - bindparam("quantity"))
)


async def _buyer(user_id: UUID, tx: Transaction) -> Row[Any]:
    """Hold the buyer's row until the commit, so that the name in the fact is the one at its place in the log."""
    buyer = await tx.row(_BUYER_AND_NUMBER_TO_COME if tx.dry_run else _BUYER_AND_NUMBER, {"user_id": user_id})
    if buyer is None:
        raise NotFound("There is no user with this id: register first.", ("userId",), id=user_id)
    return buyer


async def _catalogue(product_ids: Sequence[UUID], tx: Transaction) -> dict[UUID, CatalogueItem]:
    """Look the products up; those whose stock counts stay locked until the commit, in the order of their ids."""
    found = {row.id: row for row in await tx.execute(_CATALOGUE, {"ids": product_ids})}
    if counted := [row.id for row in found.values() if row.stock is not None]:
        found |= {row.id: row for row in await tx.execute(_COUNTED, {"ids": counted})}
    return {
        row.id: CatalogueItem(
            product_id=row.id, sku=row.sku, name=row.name, price=row.price, stock=row.stock, retired=row.retired
        )
        for row in found.values()
    }


async def _write(fact: OrderCreated, tx: Transaction) -> None:
    row = {
        "id": fact.order_id,
        "number": fact.number,
        "user_id": fact.user_id,
        "status": Status.PENDING,
        "total": fact.total,
        "version": 1,
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    if await tx.row(_ADD_ORDER, row) is None:
        raise AlreadyExists("There is an order with this id already.", ("id",), id=fact.order_id)
    await tx.execute(_ADD_ITEMS, [_item(fact, number, item) for number, item in enumerate(fact.lines, start=1)])


def _item(fact: OrderCreated, number: int, item: OrderLine) -> dict[str, Any]:
    return {
        "order_id": fact.order_id,
        "product_id": item.product_id,
        "line": number,
        "sku": item.sku,
        "name": item.name,
        "quantity": item.quantity,
        "unit_price": item.unit_price,
    }


async def _take_stock(fact: OrderCreated, catalogue: Mapping[UUID, CatalogueItem], tx: Transaction) -> None:
    taken = [
        {"product": item.product_id, "quantity": item.quantity}
        for item in fact.lines
        if catalogue[item.product_id].stock is not None
    ]
    if taken:
        await tx.execute(_TAKE, taken)
