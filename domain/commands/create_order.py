"""Place an order: prices from the catalogue, stock taken, all lines or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Row, bindparam, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlmodel import col

from domain import order
from domain.errors import AlreadyExists, NotFound
from domain.event_log import partition_of_user
from domain.events import OrderCreated
from domain.order import Buyer, CatalogueItem, Line, Status
from domain.tables import Order, OrderItem, Product, User
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


# A dry run only looks at the next number: taking it would not be rolled back.
_NEXT_NUMBER = text("cast(nextval('order_numbers') as text) as number")
_NUMBER_TO_COME = text("(select cast(last_value + cast(is_called as int) as text) from order_numbers) as number")


async def _buyer(user_id: UUID, tx: Transaction) -> Row[tuple[UUID, str, str, str]]:
    """Hold the buyer's row until the commit, so that the name in the fact is the one at its place in the log."""
    number = _NUMBER_TO_COME if tx.dry_run else _NEXT_NUMBER
    buyer = await tx.row(
        select(col(User.id), col(User.name), col(User.email), number)
        .where(col(User.id) == user_id)
        .with_for_update(read=True)
    )
    if buyer is None:
        raise NotFound("There is no user with this id: register first.", ("userId",), id=user_id)
    return buyer


async def _catalogue(product_ids: Sequence[UUID], tx: Transaction) -> dict[UUID, CatalogueItem]:
    """Look the products up; those whose stock counts stay locked until the commit, in the order of their ids."""
    columns = (
        col(Product.id),
        col(Product.sku),
        col(Product.name),
        col(Product.price),
        col(Product.stock),
        col(Product.retired),
    )
    wanted = select(*columns).where(col(Product.id).in_(bindparam("ids", expanding=True)))
    found = {row.id: row for row in await tx.execute(wanted, {"ids": product_ids})}
    if counted := [row.id for row in found.values() if row.stock is not None]:
        locked = wanted.order_by(col(Product.id)).with_for_update(key_share=True)
        found |= {row.id: row for row in await tx.execute(locked, {"ids": counted})}
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
    added = await tx.row(
        insert_once(Order).values(row).on_conflict_do_nothing(index_elements=[col(Order.id)]).returning(col(Order.id))
    )
    if added is None:
        raise AlreadyExists("There is an order with this id already.", ("id",), id=fact.order_id)
    await tx.execute(
        insert(OrderItem).values(
            [
                {
                    "order_id": fact.order_id,
                    "product_id": item.product_id,
                    "line": number,
                    "sku": item.sku,
                    "name": item.name,
                    "quantity": item.quantity,
                    "unit_price": item.unit_price,
                }
                for number, item in enumerate(fact.lines, start=1)
            ]
        )
    )


async def _take_stock(fact: OrderCreated, catalogue: Mapping[UUID, CatalogueItem], tx: Transaction) -> None:
    taken = [
        {"product": item.product_id, "quantity": item.quantity}
        for item in fact.lines
        if catalogue[item.product_id].stock is not None
    ]
    if taken:
        await tx.execute(
            update(Product)
            .where(col(Product.id) == bindparam("product"))
            .values(stock=col(Product.stock) - bindparam("quantity")),
            taken,
        )
