"""The page of orders from the normalised tables, field by field: Strawberry, SQLAlchemy's sessions, and DataLoaders."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import select
from sqlmodel import col
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader

from domain.lifecycle import Status
from domain.tables import Order as OrderRow
from domain.tables import OrderItem, User
from tests.benchmarks.peers.serving import open_sessions, serve

strawberry.enum(Status, name="OrderStatus")
Info = strawberry.Info[dict[str, Any], None]


@strawberry.type
class Money:
    amount: Decimal


@strawberry.type
class Order:
    id: strawberry.ID
    number: str
    total: Money
    status: Status
    created_at: datetime
    user_id: strawberry.Private[UUID]

    @strawberry.field
    async def user_name(self, info: Info) -> str:
        user: User = await info.context["users"].load(self.user_id)
        return user.name

    @strawberry.field
    async def user_email(self, info: Info) -> str:
        user: User = await info.context["users"].load(self.user_id)
        return user.email

    @strawberry.field
    async def item_count(self, info: Info) -> int:
        return len(await info.context["items"].load(UUID(self.id)))

    @strawberry.field
    async def item_names(self, info: Info) -> str:
        return ", ".join(item.name for item in await info.context["items"].load(UUID(self.id)))


@strawberry.type
class OrderConnection:
    nodes: list[Order]


@strawberry.type
class Query:
    @strawberry.field
    async def user_orders(self, info: Info, user_id: strawberry.ID, first: int = 20) -> OrderConnection:
        of_user = select(OrderRow).where(col(OrderRow.user_id) == UUID(user_id))
        newest = of_user.order_by(col(OrderRow.created_at).desc(), col(OrderRow.id).desc()).limit(first)
        async with info.context["sessions"]() as session:
            return OrderConnection(nodes=[_order(row) for row in await session.scalars(newest)])


def _order(row: OrderRow) -> Order:
    return Order(
        id=strawberry.ID(str(row.id)),
        number=row.number,
        total=Money(amount=row.total),
        status=Status(row.status),
        created_at=row.created_at,
        user_id=row.user_id,
    )


def _users(sessions: Any) -> Callable[[list[UUID]], Coroutine[Any, Any, list[User]]]:
    async def load(ids: list[UUID]) -> list[User]:
        async with sessions() as session:
            found = {user.id: user for user in await session.scalars(select(User).where(col(User.id).in_(ids)))}
        return [found[each] for each in ids]

    return load


def _items(sessions: Any) -> Callable[[list[UUID]], Coroutine[Any, Any, list[list[OrderItem]]]]:
    async def load(ids: list[UUID]) -> list[list[OrderItem]]:
        wanted = select(OrderItem).where(col(OrderItem.order_id).in_(ids)).order_by(col(OrderItem.line))
        found: defaultdict[UUID, list[OrderItem]] = defaultdict(list)
        async with sessions() as session:
            for item in await session.scalars(wanted):
                found[item.order_id].append(item)
        return [found[each] for each in ids]

    return load


class Endpoint(GraphQL[dict[str, Any], None]):
    """Gives each request loaders of its own, as DataLoaders want it."""

    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:
        sessions = request.app.state.sessions
        loaders = {"users": DataLoader(_users(sessions)), "items": DataLoader(_items(sessions))}
        return {"request": request, "response": response, "sessions": sessions, **loaders}


async def ready(_: Request) -> Response:
    return Response("ready")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with open_sessions() as app.state.sessions:
        yield


def create_app() -> Starlette:
    endpoint: Any = Endpoint(strawberry.Schema(query=Query))
    return Starlette(routes=[Route("/graphql", endpoint), Route("/ready", ready)], lifespan=lifespan)


if __name__ == "__main__":
    serve(create_app)
