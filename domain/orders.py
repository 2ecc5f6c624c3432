"""An existing order in the write store: locked and read for a decision, moved on after it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, select, text, update

from domain.errors import NotFound
from domain.event_log import partition_of_user
from domain.events import Fact, OrderLine
from domain.lifecycle import Action, Status, move
from domain.order import OrderState
from domain.statements import ALL_IS_WELL, Write
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
_ADVANCE = update(_ORDERS).where(_ORDERS.c.id == bindparam("order_id")).returning(_ORDERS.c.id)
_ADD_ITEMS = text(f"""
    insert into order_items (order_id, line, product_id, sku, name, quantity, unit_price)
    select cast(:order_id as uuid),
           (select coalesce(max(line), 0) from order_items where order_id = cast(:order_id as uuid)) + item.place,
           item.product_id, item.sku, item.name, item.quantity, item.unit_price
    from unnest(cast(:product_ids as uuid[]), cast(:skus as text[]), cast(:names as text[]),
                cast(:quantities as int[]), cast(:unit_prices as numeric[]))
         with ordinality as item (product_id, sku, name, quantity, unit_price, place)
    where {ALL_IS_WELL}
    returning line
""")  # noqa: S608 - built of constants
_ONE_ITEM = (_ITEMS.c.order_id == bindparam("of_order"), _ITEMS.c.product_id == bindparam("of_product"))
_SET_QUANTITY = update(_ITEMS).where(*_ONE_ITEM).returning(_ITEMS.c.line)
_REMOVE_ITEM = delete(_ITEMS).where(*_ONE_ITEM).returning(_ITEMS.c.line)


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


def advance(current: OrderState, action: Action, fact: Fact, tx: Transaction, *writes: Write, **columns: Any) -> Change:
    """Write the status that `action` leads to, and the columns that come with it, after other writes."""
    version = current.version + 1
    status = move(current.status, action)
    row = {"order_id": current.order_id, "status": status, "version": version, "updated_at": tx.now, **columns}
    return Change(
        stream_type="order",
        stream_id=current.order_id,
        partition=partition_of_user(current.user_id),
        version=version,
        fact=fact,
        writes=[*writes, Write(statement=_ADVANCE, parameters=row)],
    )


def add_items(order_id: UUID, items: Sequence[OrderLine]) -> Write:
    """Write lines in their order, behind those that the order has."""
    return Write(
        statement=_ADD_ITEMS,
        parameters={
            "order_id": order_id,
            "product_ids": [item.product_id for item in items],
            "skus": [item.sku for item in items],
            "names": [item.name for item in items],
            "quantities": [item.quantity for item in items],
            "unit_prices": [item.unit_price for item in items],
        },
    )


def set_quantity(order_id: UUID, product_id: UUID, quantity: int) -> Write:
    row = {"of_order": order_id, "of_product": product_id, "quantity": quantity}
    return Write(statement=_SET_QUANTITY, parameters=row)


def remove_item(order_id: UUID, product_id: UUID) -> Write:
    return Write(statement=_REMOVE_ITEM, parameters={"of_order": order_id, "of_product": product_id})
