"""How a peer is served: as our API is, one process, on the port it is told, over as many connections."""

import argparse
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import uvicorn
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

CONNECTIONS = 16

PAGE = """
    select order_id, number, user_name, user_email, total, item_count, item_names, status, created_at
    from user_orders_view where user_id = $1
    order by created_at desc, order_id desc limit $2
"""


def open_pool() -> Awaitable[Any]:
    """Return a pool over the read tables."""
    url = os.environ["TANDEM_READ_DATABASE_URL"]
    pool: Awaitable[Any] = asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS)
    return pool


@asynccontextmanager
async def open_sessions() -> AsyncIterator[async_sessionmaker[Any]]:
    """Give sessions over the normalised tables."""
    url = make_url(os.environ["TANDEM_WRITE_DATABASE_URL"]).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, pool_size=CONNECTIONS, max_overflow=0)
    yield async_sessionmaker(engine, expire_on_commit=False)
    await engine.dispose()


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
