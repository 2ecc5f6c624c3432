"""An existing order in the write store: locked and read for a decision, moved on after it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, func, insert, select, update

from domain.errors import NotFound
from domain.event_log import partition_of_user
from domain.events import Fact, OrderLine
from domain.lifecycle import Action, Status, move
from domain.order import OrderState
from domain.tables import Order, OrderItem, table
from domain.transaction import Change, Transaction

_ORDERS, _ITEMS = table(Order), table(OrderItem)
_LOCK = (
    select(_ORDERS.c.id, _ORDERS.c.user_id, _ORDERS.c.status, _ORDERS.c.currency, _ORDERS.c.version)
    .where(_ORDERS.c.id == bindparam("order_id"))
    .with_for_update(key_share=True)
)
_LINES = (
    select(_ITEMS.c.product_id, _ITEMS.c.sku, _ITEMS.c.name, _ITEMS.c.quantity, _ITEMS.c.unit_price)
    .where(_ITEMS.c.order_id == bindparam("order_id"))
    .order_by(_ITEMS.c.line)
)
_ADVANCE = update(_ORDERS).where(_ORDERS.c.id == bindparam("order_id"))
_ADD_ITEMS = insert(_ITEMS)
_LAST_LINE = select(func.max(_ITEMS.c.line).label("line")).where(_ITEMS.c.order_id == bindparam("order_id"))
_ONE_ITEM = (_ITEMS.c.order_id == bindparam("of_order"), _ITEMS.c.product_id == bindparam("of_product"))
_SET_QUANTITY = update(_ITEMS).where(*_ONE_ITEM)
_REMOVE_ITEM = delete(_ITEMS).where(*_ONE_ITEM)


async def lock(order_id: UUID, tx: Transaction) -> OrderState:
    """Lock an order until the commit, without its lines.

    Refuses where there is none, where it is another user's than the sender's own (the same answer), and where its
    version is another than expected.
    """
    row = await tx.connection.one(_LOCK, {"order_id": order_id})
    if row is None or tx.actor.user_id not in {None, row.user_id}:
        raise NotFound("There is no order with this id.", ("orderId",), id=order_id)
    tx.expect(row.version)
    return OrderState(
        order_id=row.id,
        user_id=row.user_id,
        status=Status(row.status),
        currency=row.currency,
        version=row.version,
    )


async def lock_whole(order_id: UUID, tx: Transaction) -> OrderState:
    """Lock an order as `lock` does, and read its lines too."""
    order = await lock(order_id, tx)
    lines = tuple(
        OrderLine(
            product_id=row.product_id, sku=row.sku, name=row.name, quantity=row.quantity, unit_price=row.unit_price
        )
        for row in await tx.connection.all(_LINES, {"order_id": order_id})
    )
    return replace(order, lines=lines)


async def advance(current: OrderState, action: Action, fact: Fact, tx: Transaction, **columns: Any) -> Change:
    """Write the status that `action` leads to, and the columns that come with it."""
    version = current.version + 1
    status = move(current.status, action)
    row = {"order_id": current.order_id, "status": status, "version": version, "updated_at": tx.now, **columns}
    await tx.connection.all(_ADVANCE, row)
    return Change(
        stream_type="order",
        stream_id=current.order_id,
        partition=partition_of_user(current.user_id),
        version=version,
        fact=fact,
    )


async def add_items(order_id: UUID, lines: Iterable[tuple[int, OrderLine]], tx: Transaction) -> None:
    """Write lines with their numbers."""
    await tx.connection.each(
        _ADD_ITEMS,
        [
            {
                "order_id": order_id,
                "product_id": item.product_id,
                "line": number,
                "sku": item.sku,
                "name": item.name,
                "quantity": item.quantity,
                "unit_price": item.unit_price,
            }
            for number, item in lines
        ],
    )


async def append_item(order_id: UUID, item: OrderLine, tx: Transaction) -> None:
    """Write a line behind the others."""
    [last] = await tx.connection.all(_LAST_LINE, {"order_id": order_id})
    await add_items(order_id, [(last.line + 1, item)], tx)


async def set_quantity(order_id: UUID, product_id: UUID, quantity: int, tx: Transaction) -> None:
    await tx.connection.all(_SET_QUANTITY, {"of_order": order_id, "of_product": product_id, "quantity": quantity})


async def remove_item(order_id: UUID, product_id: UUID, tx: Transaction) -> None:
    await tx.connection.all(_REMOVE_ITEM, {"of_order": order_id, "of_product": product_id})
