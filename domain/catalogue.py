"""Products as orders see them: looked up, locked where their stock counts, their stock taken and given back."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import text

from domain.events import OrderLine
from domain.order import CatalogueItem
from domain.statements import ALL_IS_WELL, Row, Write
from domain.transaction import Transaction

_COLUMNS = "id, sku, name, price, currency, stock, retired"


def looked_up(*, where: str = "true") -> str:
    """Return the `with` queries that look products up, `found` being the last; locked as `look_up` says."""
    return f"""
        counted as (
            select {_COLUMNS} from products
            where id = any (cast(:product_ids as uuid[])) and stock is not null and {where}
            order by id for no key update
        ),
        found as (
            select * from counted
            union all
            select {_COLUMNS} from products
            where id = any (cast(:product_ids as uuid[])) and stock is null
        )
    """  # noqa: S608 - built of constants


_LOOK_UP = text(f"with {looked_up()} select * from found")  # noqa: S608 - as above
# Locks in the order of ids first: an update alone takes its rows in any order.
_TAKE = text(f"""
    with held as (
        select id from products
        where id = any (cast(:product_ids as uuid[])) and stock is not null and {ALL_IS_WELL}
        order by id for no key update
    )
    update products set stock = stock - piece.quantity
    from held join unnest(cast(:product_ids as uuid[]), cast(:quantities as int[])) piece (product_id, quantity)
         on held.id = piece.product_id
    where products.id = held.id
    returning products.id
""")  # noqa: S608 - as above


async def look_up(product_ids: Iterable[UUID], tx: Transaction) -> dict[UUID, CatalogueItem]:
    """Return the products that exist; those whose stock counts stay locked until the commit, in the order of ids."""
    return items(await tx.connection.all(_LOOK_UP, {"product_ids": list(product_ids)}))


def items(found: Iterable[Row]) -> dict[UUID, CatalogueItem]:
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
        for row in found
    }


def take(pieces: Mapping[UUID, int]) -> Write:
    """Take pieces of products from the stock, where it counts; below zero gives back. Locks in the order of ids."""
    return Write(
        statement=_TAKE, parameters={"product_ids": list(pieces), "quantities": [pieces[each] for each in pieces]}
    )


def give_back(lines: Iterable[OrderLine]) -> Write:
    return take({item.product_id: -item.quantity for item in lines})
