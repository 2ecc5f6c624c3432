"""An existing order in the write store: locked and read for a decision, moved on after it."""

from uuid import UUID

from sqlalchemy import bindparam, select, update

from domain import order
from domain.errors import NotFound
from domain.event_log import partition_of_user
from domain.events import Fact
from domain.order import Action, OrderState, Status
from domain.tables import Order, table
from domain.transaction import Change, Transaction

_ORDERS = table(Order)
_LOCK = (
    select(_ORDERS.c.id, _ORDERS.c.user_id, _ORDERS.c.status, _ORDERS.c.version)
    .where(_ORDERS.c.id == bindparam("order_id"))
    .with_for_update(key_share=True)
)
_ADVANCE = update(_ORDERS).where(_ORDERS.c.id == bindparam("order_id"))


async def lock(order_id: UUID, tx: Transaction) -> OrderState:
    """Lock an order until the commit; refuse where there is none, or one of another version than expected."""
    row = await tx.row(_LOCK, {"order_id": order_id})
    if row is None:
        raise NotFound("There is no order with this id.", ("orderId",), id=order_id)
    tx.expect(row.version)
    return OrderState(order_id=row.id, user_id=row.user_id, status=Status(row.status), version=row.version)


async def advance(current: OrderState, action: Action, fact: Fact, tx: Transaction, **columns: str) -> Change:
    """Write the status that `action` leads to, and the columns that come with it."""
    version = current.version + 1
    status = order.move(current.status, action)
    row = {"order_id": current.order_id, "status": status, "version": version, "updated_at": tx.now, **columns}
    await tx.execute(_ADVANCE, row)
    return Change(
        stream_type="order",
        stream_id=current.order_id,
        partition=partition_of_user(current.user_id),
        version=version,
        fact=fact,
    )
