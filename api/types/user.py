"""A user: one row of users_view."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import strawberry

from api.context import Info
from api.pagination import PageArguments
from api.shown import Column, ReadApart, Shown, money
from api.types.connections import OrderConnection, orders_of
from api.types.money import Money
from api.types.node import Node
from domain.lifecycle import Status
from projections.projection import Projection
from projections.views import users_view


@strawberry.type(description="One row of users_view.")
class User(Node):
    projection: ClassVar[Projection] = users_view.PROJECTION
    shown: ClassVar[Shown] = {
        "id": Column("user_id"),
        "totalSpent": money(Column("total_spent")),
        "orders": ReadApart(("user_id",)),
    }

    name: str
    email: str
    order_count: int
    total_spent: Money = strawberry.field(description="Over orders that are not cancelled or refunded.")
    last_order_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
    row: strawberry.Private[Mapping[str, Any]]

    @strawberry.field(description="A second statement on user_orders_view, no join.")
    async def orders(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        status: list[Status] | None = None,
    ) -> OrderConnection:
        info.context.principal.require_access_to(self.row["user_id"])
        wanted = PageArguments(first=first, after=after, last=last, before=before)
        return await orders_of(info, self.row["user_id"], status, wanted)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "User":
        return cls(
            id=strawberry.ID(str(row["user_id"])),
            name=row["name"],
            email=row["email"],
            order_count=row["order_count"],
            total_spent=Money(amount=row["total_spent"], currency=row["currency"]),
            last_order_at=row["last_order_at"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            version=row["version"],
            row=row,
        )
