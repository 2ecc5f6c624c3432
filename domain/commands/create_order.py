"""Place an order: prices from the catalogue, stock taken, all lines or none."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.dialects.postgresql import insert

from domain import catalogue, order, orders
from domain.errors import AlreadyExists, NotFound
from domain.event_log import partition_of_user
from domain.events import OrderCreated
from domain.lifecycle import Status
from domain.order import Buyer, CatalogueItem, Line
from domain.statements import Write
from domain.tables import Order, table
from domain.transaction import Change, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOrder:
    user_id: UUID
    items: tuple[Line, ...]
    expected_total: Decimal | None = None
    id: UUID | None = None


async def handle(command: CreateOrder, tx: Transaction) -> Change:
    order.check_lines(command.items)
    buyer, number, products = await _look_up(command, tx)
    fact = order.create(
        order_id=command.id or tx.new_id(),
        number=number,
        buyer=buyer,
        lines=command.items,
        catalogue=products,
        expected_total=command.expected_total,
        pricing=tx.pricing,
    )
    counted = {item.product_id: item.quantity for item in fact.lines if products[item.product_id].stock is not None}
    return Change(
        stream_type="order",
        stream_id=fact.order_id,
        partition=partition_of_user(fact.user_id),
        version=1,
        fact=fact,
        writes=[
            _addition(fact, tx),
            orders.add_items(fact.order_id, fact.lines),
            *([catalogue.take(counted)] if counted else []),
        ],
    )


def _buyer_and_products(number: str) -> TextClause:
    return text(f"""
        with buyer as materialized (
            select id as user_id, name as user_name, email, {number} as number
            from users where id = cast(:user_id as uuid) for share
        ), {catalogue.looked_up(where="exists (select from buyer)")}
        select * from buyer left join found on true
    """)  # noqa: S608 - built of constants


_LOOK_UP = _buyer_and_products("cast(nextval('order_numbers') as text)")
# A dry run only looks at the next number: to have taken it would not be rolled back.
_LOOK_UP_ONLY = _buyer_and_products("(select cast(last_value + cast(is_called as int) as text) from order_numbers)")
_ADD_ORDER = (
    insert(_ORDERS := table(Order)).on_conflict_do_nothing(index_elements=[_ORDERS.c.id]).returning(_ORDERS.c.id)
)


async def _look_up(command: CreateOrder, tx: Transaction) -> tuple[Buyer, str, dict[UUID, CatalogueItem]]:
    """Hold the buyer's row until the commit, so that the name in the fact is the one at its place in the log."""
    wanted = {"user_id": command.user_id, "product_ids": [item.product_id for item in command.items]}
    rows = await tx.connection.all(_LOOK_UP_ONLY if tx.dry_run else _LOOK_UP, wanted)
    if not rows:
        raise NotFound("There is no user with this id: register first.", ("userId",), id=command.user_id)
    buyer = Buyer(user_id=rows[0].user_id, name=rows[0].user_name, email=rows[0].email)
    return buyer, rows[0].number, catalogue.items(row for row in rows if row.id is not None)


def _addition(fact: OrderCreated, tx: Transaction) -> Write:
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

    async def exists() -> AlreadyExists:
        return AlreadyExists("There is an order with this id already.", ("id",), id=fact.order_id)

    return Write(statement=_ADD_ORDER, parameters=row, otherwise=exists)
