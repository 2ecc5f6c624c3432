"""Place an order: prices from the catalogue, stock taken, all lines or none."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from domain import catalogue, order, orders
from domain.errors import AlreadyExists, NotFound
from domain.event_log import partition_of_user
from domain.events import OrderCreated
from domain.lifecycle import Status
from domain.order import Buyer, Line
from domain.statements import Row
from domain.tables import Order, User, table
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
    products = await catalogue.look_up([wanted.product_id for wanted in command.items], tx)
    fact = order.create(
        order_id=command.id or tx.new_id(),
        number=user.number,
        buyer=Buyer(user_id=user.id, name=user.name, email=user.email),
        lines=command.items,
        catalogue=products,
        expected_total=command.expected_total,
        pricing=tx.pricing,
    )
    await _write(fact, tx)
    counted = [item for item in fact.lines if products[item.product_id].stock is not None]
    await catalogue.take({item.product_id: item.quantity for item in counted}, tx)
    return Change(
        stream_type="order",
        stream_id=fact.order_id,
        partition=partition_of_user(fact.user_id),
        version=1,
        fact=fact,
    )


_USERS, _ORDERS = table(User), table(Order)

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
_ADD_ORDER = insert(_ORDERS).on_conflict_do_nothing(index_elements=[_ORDERS.c.id]).returning(_ORDERS.c.id)


async def _buyer(user_id: UUID, tx: Transaction) -> Row:
    """Hold the buyer's row until the commit, so that the name in the fact is the one at its place in the log."""
    buyer = await tx.connection.one(
        _BUYER_AND_NUMBER_TO_COME if tx.dry_run else _BUYER_AND_NUMBER, {"user_id": user_id}
    )
    if buyer is None:
        raise NotFound("There is no user with this id: register first.", ("userId",), id=user_id)
    return buyer


async def _write(fact: OrderCreated, tx: Transaction) -> None:
    row = {
        "id": fact.order_id,
        "number": fact.number,
        "user_id": fact.user_id,
        "status": Status.PENDING,
        "total": fact.total,
        "currency": fact.currency,
        "version": 1,
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    if await tx.connection.one(_ADD_ORDER, row) is None:
        raise AlreadyExists("There is an order with this id already.", ("id",), id=fact.order_id)
    await orders.add_items(fact.order_id, enumerate(fact.lines, start=1), tx)
