"""All orders, as they are filtered and sorted; a customer sees its own among them."""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any
from uuid import UUID

import strawberry

from api.context import Info
from api.errors import BadUserInput
from api.pagination import Listing, PageArguments
from api.scalars import ConsistencyToken, uuid_of
from api.types.connections import OrderConnection, connection
from api.types.order import Order
from api.types.searches import words
from domain.lifecycle import Status
from projections.keyset import Keyset
from projections.statements import found
from projections.views.user_orders_view import UserOrdersView, Wanted, chosen, matching


@strawberry.input
class DecimalRange:
    gte: Decimal | None = None
    lte: Decimal | None = None


@strawberry.input
class DateTimeRange:
    gte: datetime | None = None
    lt: datetime | None = None


@strawberry.input
class OrderFilter:
    user_id: strawberry.ID | None = None
    status: list[Status] | None = None
    created_at: DateTimeRange | None = None
    total: DecimalRange | None = None
    search: str | None = strawberry.field(
        default=None, description="Words in order number, user name, e-mail or item names."
    )


@strawberry.enum
class OrderSortField(Enum):
    CREATED_AT = "created_at"
    TOTAL = "total"
    UPDATED_AT = "updated_at"


@strawberry.enum
class SortDirection(Enum):
    ASC = "asc"
    DESC = "desc"


@strawberry.input
class OrderSort:
    field: OrderSortField
    direction: SortDirection


NEWEST_FIRST = OrderSort(field=OrderSortField.CREATED_AT, direction=SortDirection.DESC)


async def orders(
    info: Info,
    where: OrderFilter | None = None,
    order_by: OrderSort | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    consistent_with: ConsistencyToken | None = None,
) -> OrderConnection:
    wanted = _wanted(info, where or OrderFilter())
    sort = order_by or NEWEST_FIRST
    listing = Listing(name="orders", found=found(matching, wanted=wanted), keyset=_keyset(sort.field, sort.direction))
    page = PageArguments(first=first, after=after, last=last, before=before)
    return await connection(info, Order, listing, page, consistent_with)


def _wanted(info: Info, where: OrderFilter) -> Wanted:
    created, total = where.created_at or DateTimeRange(), where.total or DecimalRange()
    return Wanted(
        user_id=_whose(info, where),
        statuses=chosen(where.status),
        words=words(where.search),
        **_range("where.createdAt", created_from=created.gte, created_before=created.lt),
        **_range("where.total", total_from=_amount(total.gte), total_to=_amount(total.lte)),
    )


def _whose(info: Info, where: OrderFilter) -> UUID | None:
    """Return the user whose orders are to be shown, None for all users'; only staff sees those."""
    principal = info.context.principal
    principal.require_signed_in()
    if where.user_id is None:
        return principal.user_id
    user = uuid_of(where.user_id, "where.userId")
    principal.require_access_to(user)
    return user


def _amount(value: Decimal | None) -> Decimal | None:
    if value is not None and not isinstance(value, Decimal):  # text that the scalar leaves for commands to refuse
        raise BadUserInput("where.total is not an amount: write it like 59.97.")
    return value


def _range(argument: str, **ends: Any) -> dict[str, Any]:
    """Return both ends of a range, by their names; raise BadUserInput where nothing can lie between them."""
    first, last = ends.values()
    if first is not None and last is not None and first > last:
        raise BadUserInput(f"{argument} ends before it begins: {first} is after {last}.")
    return ends


@cache
def _keyset(field: OrderSortField, direction: SortDirection) -> Keyset:
    column = getattr(UserOrdersView, field.value)
    return Keyset(column, UserOrdersView.order_id, descending=direction is SortDirection.DESC)
