"""An order: one row of user_orders_view."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, ClassVar

import strawberry
from strawberry.scalars import JSON

from api.shown import Column, Entries, Shown, money
from api.types.money import Money
from api.types.node import Node
from domain.lifecycle import Action, Status, blocked
from domain.order import MOST_LINES
from projections.projection import Projection
from projections.views import user_orders_view

strawberry.enum(Status, name="OrderStatus")
strawberry.enum(Action, name="OrderActionName")


@lru_cache(1024)
def _actions(status: str, lines: int) -> list[dict[str, Any]]:
    reasons = {action: blocked(Status(status), action, lines=lines, most_lines=MOST_LINES) for action in Action}
    return [{"name": action, "allowed": why is None, "reason": why} for action, why in reasons.items()]


@strawberry.type
class OrderItem:
    product_id: strawberry.ID
    sku: str
    name: str
    quantity: int
    unit_price: Money
    line_total: Money


@strawberry.type
class OrderEvent:
    version: int
    type: str
    at: datetime
    actor: str | None
    details: JSON


@strawberry.type
class OrderAction:
    name: Action
    allowed: bool
    reason: str | None


@strawberry.type(description="One row of user_orders_view: all that a page about an order shows, joined beforehand.")
class Order(Node):
    projection: ClassVar[Projection] = user_orders_view.PROJECTION
    shown: ClassVar[Shown] = {
        "id": Column("order_id"),
        "total": money(Column("total")),
        "items": Entries(
            Column("items"),
            {"unitPrice": money(Column("unit_price")), "lineTotal": money(Column("line_total"))},
            beside=("currency",),
        ),
        "timeline": Entries(Column("timeline"), {"at": Column("at", read=datetime.fromisoformat)}),
        "availableActions": Entries(Column("status", "item_count", read=_actions)),
    }

    number: str = strawberry.field(description="For people: short, unique, rising.")
    user_id: strawberry.ID
    user_name: str
    user_email: str
    total: Money
    item_count: int = strawberry.field(description="How many lines the order has.")
    item_names: str = strawberry.field(description="The names of its lines, joined with ', '.")
    status: Status
    payment_reference: str | None
    carrier: str | None
    tracking_number: str | None
    cancellation_reason: str | None
    created_at: datetime
    updated_at: datetime
    version: int = strawberry.field(
        description="Rises by one with every event of this order; expectedVersion compares with it."
    )
    stale: bool = strawberry.field(
        description="True while an event of this order could not be projected: the row shows the state before it."
    )
    row: strawberry.Private[Mapping[str, Any]]

    @strawberry.field
    def items(self) -> list[OrderItem]:
        currency = self.row["currency"]
        return [
            OrderItem(
                product_id=strawberry.ID(str(item["product_id"])),
                sku=item["sku"],
                name=item["name"],
                quantity=item["quantity"],
                unit_price=Money(amount=Decimal(item["unit_price"]), currency=currency),
                line_total=Money(amount=Decimal(item["line_total"]), currency=currency),
            )
            for item in self.row["items"]
        ]

    @strawberry.field(description="What happened to the order, oldest first.")
    def timeline(self) -> list[OrderEvent]:
        return [
            OrderEvent(
                version=entry["version"],
                type=entry["type"],
                at=datetime.fromisoformat(entry["at"]),
                actor=entry["actor"],
                details=entry["details"],
            )
            for entry in self.row["timeline"]
        ]

    @strawberry.field(
        description="Every command that an order can be given, whether this one would take it now, and if not, why not."
    )
    def available_actions(self) -> list[OrderAction]:
        return [OrderAction(**action) for action in _actions(self.status, self.item_count)]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Order":
        return cls(
            id=strawberry.ID(str(row["order_id"])),
            number=row["number"],
            user_id=strawberry.ID(str(row["user_id"])),
            user_name=row["user_name"],
            user_email=row["user_email"],
            total=Money(amount=row["total"], currency=row["currency"]),
            item_count=row["item_count"],
            item_names=row["item_names"],
            status=row["status"] and Status(row["status"]),
            payment_reference=row["payment_reference"],
            carrier=row["carrier"],
            tracking_number=row["tracking_number"],
            cancellation_reason=row["cancellation_reason"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            version=row["version"],
            stale=row["stale"],
            row=row,
        )
