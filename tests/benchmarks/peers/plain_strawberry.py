"""The page of orders as Strawberry's documentation shows it: types, a resolver, asyncpg; no caches, no sign-in."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.extensions import SchemaExtension

from tests.benchmarks.peers.serving import PAGE, open_pool, serve


@strawberry.enum
class OrderStatus(Enum):
    PENDING = "pending"
    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


@strawberry.type
class Money:
    amount: Decimal


@strawberry.type
class Order:
    id: strawberry.ID
    number: str
    user_name: str
    user_email: str
    total: Money
    item_count: int
    item_names: str
    status: OrderStatus
    created_at: datetime


@strawberry.type
class OrderConnection:
    nodes: list[Order]


@strawberry.type
class Query:
    @strawberry.field
    async def user_orders(
        self, info: strawberry.Info[dict[str, Any], None], user_id: strawberry.ID, first: int = 20
    ) -> OrderConnection:
        rows = await info.context["request"].app.state.pool.fetch(PAGE, UUID(user_id), first)
        return OrderConnection(nodes=[_order(row) for row in rows])


def _order(row: Any) -> Order:
    return Order(
        id=strawberry.ID(str(row["order_id"])),
        number=row["number"],
        user_name=row["user_name"],
        user_email=row["user_email"],
        total=Money(amount=row["total"]),
        item_count=row["item_count"],
        item_names=row["item_names"],
        status=OrderStatus(row["status"]),
        created_at=row["created_at"],
    )


async def ready(_: Request) -> Response:
    return Response("ready")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with await open_pool() as app.state.pool:
        yield


def create_app(extensions: Sequence[type[SchemaExtension]] = ()) -> Starlette:
    schema = strawberry.Schema(query=Query, extensions=extensions)
    endpoint: Any = GraphQL(schema)
    return Starlette(routes=[Route("/graphql", endpoint), Route("/ready", ready)], lifespan=lifespan)


if __name__ == "__main__":
    serve(create_app)
