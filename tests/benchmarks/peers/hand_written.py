"""What is asked of our endpoint, as one would write it by hand for speed: Starlette, asyncpg, orjson.

No GraphQL, no sign-in; the fields are those that are asked for, once and for all.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.benchmarks.peers.serving import PAGE, open_pool, serve

_PAGE_WITH_ITEMS = PAGE.replace("select ", "select items, ")
_ORDER = """
    select order_id, number, user_name, user_email, total, item_count, item_names, status, created_at
    from user_orders_view where order_id = $1
"""


async def user_orders(request: Request) -> Response:
    return _json({"userOrders": {"nodes": [_order(row) for row in await _rows(request, PAGE)]}})


async def user_orders_with_items(request: Request) -> Response:
    rows = await _rows(request, _PAGE_WITH_ITEMS)
    return _json({"userOrders": {"nodes": [_order(row) | {"items": _items(row["items"])} for row in rows]}})


async def order(request: Request) -> Response:
    row = await request.app.state.pool.fetchrow(_ORDER, UUID(request.path_params["order"]))
    return _json({"order": row and _order(row)})


async def _rows(request: Request, sql: str) -> Sequence[Any]:
    user, first = UUID(request.path_params["user"]), int(request.query_params["first"])
    rows: Sequence[Any] = await request.app.state.pool.fetch(sql, user, first)
    return rows


def _order(row: Any) -> dict[str, Any]:
    return {
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


def _items(items: str) -> list[dict[str, Any]]:
    return [
        {
            "productId": item["product_id"],
            "name": item["name"],
            "quantity": item["quantity"],
            "unitPrice": {"amount": item["unit_price"]},
            "lineTotal": {"amount": item["line_total"]},
        }
        for item in orjson.loads(items)
    ]


def _json(data: object) -> Response:
    return Response(orjson.dumps({"data": data}), media_type="application/json")


async def ready(_: Request) -> Response:
    return Response("ready")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with await open_pool() as app.state.pool:
        yield


def create_app() -> Starlette:
    routes = [
        Route("/users/{user}/orders", user_orders),
        Route("/users/{user}/orders-with-items", user_orders_with_items),
        Route("/orders/{order}", order),
        Route("/ready", ready),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


if __name__ == "__main__":
    serve(create_app)
