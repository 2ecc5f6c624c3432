"""The page of orders as one would write it by hand for speed: Starlette, asyncpg, orjson; no GraphQL, no sign-in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.benchmarks.peers.serving import PAGE, open_pool, serve


async def user_orders(request: Request) -> Response:
    user = UUID(request.path_params["user"])
    rows = await request.app.state.pool.fetch(PAGE, user, int(request.query_params["first"]))
    nodes = [
        {
            "number": row["number"],
            "userName": row["user_name"],
            "userEmail": row["user_email"],
            "total": {"amount": str(row["total"])},
            "itemCount": row["item_count"],
            "itemNames": row["item_names"],
            "status": row["status"].upper(),
            "createdAt": row["created_at"],
            "id": str(row["order_id"]),
        }
        for row in rows
    ]
    return Response(orjson.dumps({"data": {"userOrders": {"nodes": nodes}}}), media_type="application/json")


async def ready(_: Request) -> Response:
    return Response("ready")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with await open_pool() as app.state.pool:
        yield


def create_app() -> Starlette:
    routes = [Route("/users/{user}/orders", user_orders), Route("/ready", ready)]
    return Starlette(routes=routes, lifespan=lifespan)


if __name__ == "__main__":
    serve(create_app)
