"""create_app: where everything that answers HTTP is put together, and taken down again."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import redis.asyncio
import uvicorn
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from api import front_page, graphiql, health
from api.auth import mint
from api.consistency import Consistency
from api.context import Reads, Standings
from api.endpoint import Endpoint
from api.errors import unexpected
from api.settings import AuthSettings, Settings
from domain.bus import Bus
from domain.database import CommandPool
from domain.money import Currency
from projections import progress
from projections.database import query_engine
from tasks.app import create_producer
from tasks.nudge import Nudger, sender
from tasks.project import enqueue

ENDPOINT = "/graphql"
_STOP_SECONDS = 2.0


def create_app(settings: Settings) -> Starlette:
    """Return the ASGI application; its lifespan opens and closes all connections."""
    write = CommandPool(settings.write.database_url)
    read = query_engine(settings.read.database_url)
    standings = Standings(write_url=settings.write.database_url, read_url=settings.read.database_url)
    messages = redis.asyncio.Redis.from_url(
        settings.queue.redis_url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=2, health_check_interval=15
    )
    hints = progress.connect(settings.queue.redis_url)
    nudger = Nudger(sender(hints, partial(enqueue, create_producer(settings.queue))))
    consistency = Consistency(read, messages)
    endpoint = Endpoint(
        auth=settings.auth,
        bus=Bus(write, currency=Currency.of(settings.write.currency), nudge=nudger),
        reads=Reads(read),
        consistency=consistency,
        standings=standings,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        nudger.start()
        listening = asyncio.create_task(consistency.listen())
        async with write:
            yield
        consistency.stop()
        listening.cancel()
        await asyncio.wait({listening}, timeout=_STOP_SECONDS)
        await asyncio.to_thread(nudger.stop)
        await messages.aclose()
        hints.close()
        await read.dispose()
        standings.close()

    routes = [
        Route(ENDPOINT, endpoint),
        *health.routes(write_url=settings.write.database_url, read=read, messages=messages),
        *_pages(settings.auth),
    ]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={Exception: _failed})


def serve(settings: Settings, host: str, port: int) -> None:
    """Answer HTTP in the foreground until SIGTERM or Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)  # which tells of every look at a schema's version
    uvicorn.run(
        create_app(settings),
        host=host,
        port=port,
        log_level="warning",
        log_config=None,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=8,
        server_header=False,
    )


def _pages(auth: AuthSettings) -> list[Route | Mount]:
    def token() -> str:
        return mint(auth, subject="graphiql", role="staff")

    return [
        *front_page.routes(graphiql=True),
        *graphiql.routes(endpoint=ENDPOINT, token=token if auth.development else None),
    ]


async def _failed(_: Request, error: Exception) -> Response:
    answer = {"message": unexpected(error), "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
    return JSONResponse({"errors": [answer]}, status_code=500)
