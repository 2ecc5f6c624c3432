"""create_app: where everything that answers HTTP is put together, and taken down again."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from api import front_page, graphiql, health, status_page, trusted_documents
from api.auth import Gate, mint
from api.budgets import Budgets
from api.consistency import Consistency
from api.context import Standings
from api.documents import Documents
from api.endpoint import Endpoint
from api.errors import unexpected
from api.freshness import Freshness
from api.history import History
from api.live import Live
from api.metrics import Metrics
from api.persisted_documents import PersistedDocuments
from api.server import Server, run
from api.settings import Settings
from api.status import Status
from api.streams import Bounds, Streams
from api.traced import traced
from api.trusted_documents import TrustedDocuments
from api.websocket import Sockets
from domain.bus import Bus
from domain.database import CommandPool
from domain.money import Currency
from projections import progress
from projections.reads import Reads
from tasks import logs, traces
from tasks.app import create_producer
from tasks.nudge import Nudger, sender
from tasks.project import enqueue

ENDPOINT = "/graphql"


def create_app(settings: Settings, bounds: Bounds | None = None) -> Starlette:
    """Return the ASGI application; its lifespan opens and closes all connections, its `state.streams` end at once."""
    write_url, read_url = settings.for_reads
    write, reads = CommandPool(settings.for_commands), Reads(read_url)
    messages, hints = _connect(settings.queue.redis_url), progress.connect(settings.queue.redis_url)
    nudger = Nudger(sender(hints, partial(enqueue, create_producer(settings.queue))))
    live, freshness, metrics = Live(reads.all), Freshness(write_url=write_url, read_url=read_url), Metrics()
    endpoint = Endpoint(
        gate=Gate(settings.auth),
        bus=Bus(write, currency=Currency.of(settings.write.currency), nudge=nudger),
        reads=reads,
        consistency=Consistency(reads, messages, tell=live.heard),
        documents=_documents(settings),
        freshness=freshness,
        live=live,
        history=History(write),
        streams=Streams(bounds or Bounds(streams_of_an_address=settings.limits.streams_of_an_address)),
        standings=Standings(write_url=write_url, read_url=read_url),
        counts=metrics.counts,
        budgets=_budgets(settings),
        compiled=settings.compiled_reads,
        closed=settings.in_production,
    )
    metrics.watch(endpoint=endpoint, nudger=nudger, write=write, reads=reads, freshness=freshness)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        nudger.start()
        async with write, reads, aclosing(messages), endpoint.at_work():
            yield
        for stop in (nudger.stop, traces.stop):  # here, as the server ends this process by the signal that it was sent
            await asyncio.to_thread(stop)
        hints.close()

    probes = health.routes(write_url=write_url, read_url=read_url, messages=messages, freshness=freshness)
    checks = partial(health.parts, write_url=write_url, read_url=read_url, messages=messages)
    status = Status(standings=endpoint.standings, counts=metrics.counts, streams=endpoint.streams, checks=checks)
    routes = [*_routes(endpoint, settings, status), *_metrics(metrics, settings), *probes]
    return _App(endpoint.streams, routes=routes, lifespan=lifespan, exception_handlers={Exception: _failed})


class _App(Starlette):
    """Lets requests of the endpoint by all that other routes need: it took a twentieth of the time of a read."""

    def __init__(self, streams: Streams, **options: Any) -> None:
        super().__init__(**options)
        self.state.streams = streams
        [route] = [each for each in self.routes if isinstance(each, Route) and each.path == ENDPOINT]
        self._endpoint = ServerErrorMiddleware(route.app, handler=_failed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == ENDPOINT:
            await self._endpoint(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def serve(settings: Settings, host: str, port: int) -> None:
    """Answer HTTP in the foreground until SIGTERM or Ctrl-C."""
    logs.configure(settings.log_format)
    if settings.traces:
        traces.start("tandem-api")
    app = create_app(settings)
    _spare_the_collector()
    streams = app.state.streams
    connections, proxies = streams.bounds.connections, settings.limits.proxies
    run(Server(app, host, port, stop=streams.stop, connections=connections, proxies=proxies))


def _spare_the_collector() -> None:
    """Let it look at what requests make, not at the schema and the modules again and again, nor every few requests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _budgets(settings: Settings) -> Budgets | None:
    rate = settings.limits.rate
    return None if rate is None else Budgets(settings.queue.redis_url, per_minute=rate)


def _documents(settings: Settings) -> Documents:
    """Return where documents come from; raise ConfigurationError where those that are trusted cannot be read."""
    if settings.trusted_documents is None:
        return PersistedDocuments(settings.queue.redis_url)
    return TrustedDocuments(trusted_documents.read(settings.trusted_documents))


def _connect(redis_url: str) -> "redis.asyncio.Redis":
    return redis.asyncio.Redis.from_url(
        redis_url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=2, health_check_interval=15
    )


def _routes(endpoint: Endpoint, settings: Settings, status: Status) -> list[BaseRoute]:
    auth = settings.auth

    def token() -> str:
        return mint(auth, subject="graphiql", role="staff")

    sockets = Sockets(
        gate=endpoint.gate, run=endpoint.stream, streams=endpoint.streams, origins=settings.limits.origins
    )
    # Probes and Prometheus come by address, and learn nothing that depends on the name of the host.
    known = [Middleware(TrustedHostMiddleware, allowed_hosts=settings.limits.hosts or ["*"], www_redirect=False)]
    given = token if auth.development and not settings.in_production else None
    routes: list[BaseRoute] = [
        Route(ENDPOINT, traced(endpoint, ENDPOINT), middleware=known),
        WebSocketRoute(ENDPOINT, sockets, middleware=known),
        *front_page.routes(graphiql=not settings.in_production),
        *status_page.routes(gate=endpoint.gate, now=status.now, token=given),
    ]
    if not settings.in_production:
        routes += graphiql.routes(endpoint=ENDPOINT, token=given)
    return routes


def _metrics(metrics: Metrics, settings: Settings) -> list[Route]:
    """Show them to everybody for development, in production to whoever has the token, or to nobody without one."""
    token = settings.metrics.token
    return [] if settings.in_production and token is None else [metrics.route(token=token)]


async def _failed(_: Request, error: Exception) -> Response:
    return JSONResponse(
        {"errors": [unexpected(error)]}, status_code=500, headers={"X-Request-Id": logs.correlation_id.get()}
    )
