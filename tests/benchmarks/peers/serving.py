"""How a peer is served: as our API is, one process, on the port it is told."""

import argparse
import os
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import uvicorn

CONNECTIONS = 16

PAGE = """
    select order_id, number, user_name, user_email, total, item_count, item_names, status, created_at
    from user_orders_view where user_id = $1
    order by created_at desc, order_id desc limit $2
"""


def open_pool() -> Awaitable[Any]:
    """Return a pool as large as ours."""
    url = os.environ["TANDEM_READ_DATABASE_URL"]
    pool: Awaitable[Any] = asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS)
    return pool


def serve(create_app: Callable[[], Any]) -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, required=True)
    uvicorn.run(
        create_app(),
        host="127.0.0.1",
        port=arguments.parse_args().port,
        log_level="warning",
        log_config=None,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=8,
        server_header=False,
    )
