"""The page of orders from the normalised tables: Strawberry, and one statement of SQLAlchemy that joins them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from strawberry.asgi import GraphQL

from domain.lifecycle import Status
from domain.tables import Order as OrderRow
from domain.tables import OrderItem, User
from tests.benchmarks.peers.serving import open_sessions, serve

strawberry.enum(Status, name="OrderStatus")


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
    status: Status
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
        async with info.context["request"].app.state.sessions() as session:
            rows = await session.execute(_page(UUID(user_id), first))
            return OrderConnection(nodes=[_order(*row) for row in rows])


def _page(user_id: UUID, first: int) -> Any:
    newest: list[Any] = [col(OrderRow.created_at).desc(), col(OrderRow.id).desc()]
    page = select(col(OrderRow.id)).where(col(OrderRow.user_id) == user_id).order_by(*newest).limit(first)
    names = func.string_agg(col(OrderItem.name), aggregate_order_by(literal(", "), col(OrderItem.line)))
    return (
        select(OrderRow, User, func.count(), names)
        .join(User, col(User.id) == OrderRow.user_id)
        .join(OrderItem, col(OrderItem.order_id) == OrderRow.id)
        .where(col(OrderRow.id).in_(page))
        .group_by(col(OrderRow.id), col(User.id))
        .order_by(*newest)
    )


def _order(order: OrderRow, user: User, item_count: int, item_names: str) -> Order:
    return Order(
        id=strawberry.ID(str(order.id)),
        number=order.number,
        user_name=user.name,
        user_email=user.email,
        total=Money(amount=order.total),
        item_count=item_count,
        item_names=item_names,
        status=Status(order.status),
        created_at=order.created_at,
    )


async def ready(_: Request) -> Response:
    return Response("ready")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with open_sessions() as app.state.sessions:
        yield


def create_app() -> Starlette:
    endpoint: Any = GraphQL(strawberry.Schema(query=Query))
    return Starlette(routes=[Route("/graphql", endpoint), Route("/ready", ready)], lifespan=lifespan)


if __name__ == "__main__":
    serve(create_app)
