"""/metrics: what operators watch, as Prometheus reads it. It is put together for whoever asks, and for no request."""

import asyncio
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.budgets import Budgets
from api.compiled.queries import Queries
from api.context import Standings
from api.counts import Counts
from api.endpoint import Endpoint
from api.freshness import Freshness
from api.streams import Streams
from domain.database import CommandPool
from projections.catalogue import projections
from projections.lag import ProjectionState, Standing
from projections.reads import Reads
from tasks.nudge import Nudger

_KNOWN_FOR = 1.0  # seconds
_SECONDS = 2.0
_GAUGES: Mapping[str, tuple[str, Callable[[Standing], float]]] = {
    "lag_events": ("Events of the log that are not applied.", lambda standing: standing.lag),
    "lag_seconds": ("The age of the oldest event that is not applied.", lambda standing: standing.lag_seconds),
    "applied_events": ("Events of the log that are applied.", lambda standing: standing.applied),
    "quarantined_streams": ("Streams that are set aside.", lambda standing: standing.quarantined),
}


class KnownStandings:
    """How projections are doing, asked of the stores once a second at most; nothing while they do not answer."""

    def __init__(self, standings: Standings, *, known_for: float = _KNOWN_FOR) -> None:
        self._standings = standings
        self._known_for = known_for
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self.known: Sequence[Standing] = ()

    async def look(self) -> None:
        async with self._asking:
            if monotonic() - self._asked_at < self._known_for:
                return
            try:
                async with asyncio.timeout(_SECONDS):
                    self.known = await self._standings.all()
            except (SQLAlchemyError, OSError, TimeoutError):
                self.known = ()
            self._asked_at = monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources(Collector):
    """Whoever knows something that operators watch."""

    counts: Counts
    queries: Queries | None
    nudger: Nudger
    streams: Streams
    write: CommandPool
    reads: Reads
    freshness: Freshness
    standings: KnownStandings
    budgets: Budgets | None

    def collect(self) -> Iterator[Metric]:
        yield from self._reads()
        yield _family("tandem_nudges", "Hints that a partition has something new.", "outcome", self.nudger.counts)
        yield GaugeMetricFamily("tandem_streams", "Open WebSockets and event streams.", value=self.streams.open)
        if self.budgets:
            yield _family("tandem_rate_limited", "Requests beyond a budget.", "of", self.budgets.refused)
            yield _family("tandem_budgets", "Talks with Redis about what was spent.", "outcome", self.budgets.settled)
        yield from self._pools()
        yield from self._ages()
        yield from _standings(self.standings.known)

    def _reads(self) -> Iterator[Metric]:
        compiled = self.queries.counts if self.queries else {"compiled": 0, "hit": 0, "miss": 0}
        ways = {"compiled": compiled["compiled"], "plain": self.counts.plain_reads}
        yield _family("tandem_reads", "Queries, by whether a plan answered them or resolvers.", "way", ways)
        looks = {result: compiled[result] for result in ("hit", "miss")}
        yield _family("tandem_plan_cache", "Looks for the plan of a query.", "result", looks)

    def _pools(self) -> Iterator[Metric]:
        connections = GaugeMetricFamily("tandem_pool_connections", "Connections of a pool.", labels=["pool", "state"])
        most = GaugeMetricFamily("tandem_pool_connections_most", "How many a pool may have.", labels=["pool"])
        for pool, use in (("commands", self.write.use()), ("queries", self.reads.use())):
            connections.add_metric([pool, "in_use"], use.in_use)
            connections.add_metric([pool, "idle"], use.idle)
            most.add_metric([pool], use.most)
        yield connections
        yield most

    def _ages(self) -> Iterator[Metric]:
        ages = GaugeMetricFamily(
            "tandem_projection_age_seconds",
            "All that was committed longer ago than this is shown; as in extensions.freshness.",
            labels=["projection"],
        )
        for name, lag in self.freshness.of([projection.name for projection in projections()]).items():
            if lag["age"] is not None:
                ages.add_metric([name], lag["age"])
        yield ages


class Metrics:
    """All that one process tells."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # each series would have one more beside it
        self._registry = CollectorRegistry()
        self.counts = Counts(self._registry)
        ProcessCollector(registry=self._registry)

    def watch(
        self, *, endpoint: Endpoint, nudger: Nudger, write: CommandPool, reads: Reads, freshness: Freshness
    ) -> None:
        self._standings = KnownStandings(endpoint.standings)
        sources = Sources(
            counts=self.counts,
            queries=endpoint.queries,
            nudger=nudger,
            streams=endpoint.streams,
            write=write,
            reads=reads,
            freshness=freshness,
            standings=self._standings,
            budgets=endpoint.budgets,
        )
        self._registry.register(sources)

    def route(self, *, token: str | None) -> Route:
        """Return /metrics, for whoever has the token where there is one."""

        async def metrics(request: Request) -> Response:
            if not _may_see(request.headers.get("authorization", ""), token):
                say = "Send the header Authorization: Bearer <TANDEM_METRICS_TOKEN>.\n"
                return PlainTextResponse(say, 401, headers={"WWW-Authenticate": "Bearer"})
            await self._standings.look()
            return Response(generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

        return Route("/metrics", metrics)


def _may_see(authorization: str, token: str | None) -> bool:
    return token is None or hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode())


def _standings(known: Sequence[Standing]) -> Iterator[Metric]:
    for name, (what, value) in _GAUGES.items():
        family = GaugeMetricFamily(f"tandem_projection_{name}", what, labels=["projection"])
        for standing in known:
            family.add_metric([standing.name], value(standing))
        yield family
    states = GaugeMetricFamily(
        "tandem_projection_state", "1 for the state that a projection is in.", labels=["projection", "state"]
    )
    for standing in known:
        for state in ProjectionState:
            states.add_metric([standing.name, state.lower()], standing.state is state)
    yield states
    head = GaugeMetricFamily("tandem_log_events", "Events in the log.", labels=[])
    for standing in known[:1]:
        head.add_metric([], standing.head)
    yield head


def _family(name: str, what: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, what, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family
