"""A trace, across processes: from a request, over its command, to the transaction that made its row visible."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.client import Client
from tests.support.running import Running, eventually, servers

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SENDER = "00f067aa0ba902b7"
NAMES = ["daily_sales_view", "products_view", "user_orders_view", "users_view"]


@dataclass(slots=True, kw_only=True)
class Span:
    by: str
    """The service."""
    trace: str
    id: str
    parent: str
    links: set[str]
    said: dict[str, Any]


@dataclass(slots=True)
class Collector:
    """What takes spans as a collector does, by OTLP over HTTP."""

    spans: dict[str, list[Span]] = field(default_factory=dict)
    url: str = ""

    def take(self, body: bytes) -> None:
        for of_one in ExportTraceServiceRequest.FromString(body).resource_spans:
            by = next(each.value.string_value for each in of_one.resource.attributes if each.key == "service.name")
            for span in (span for scope in of_one.scope_spans for span in scope.spans):
                said = {each.key: _value(each.value) for each in span.attributes}
                links = {link.span_id.hex() for link in span.links}
                found = Span(
                    by=by,
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    links=links,
                    said=said,
                )
                self.spans.setdefault(span.name, []).append(found)


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [each.string_value for each in value.array_value.values] if kind == "array_value" else getattr(value, kind)


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        collector.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield collector
        server.shutdown()
        thread.join()


@contextmanager
def traced(folder: Path, endpoint: str, *, delay: int = 100) -> Iterator[Running]:
    with servers(folder) as running:
        running.environment |= {
            "TANDEM_TRACES": "on",
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": str(delay),
        }
        running.add_worker("api.cli", "worker")
        running.add_api("api.cli", "api")
        yield running


def register(running: Running) -> str:
    """Register a user with a request of a trace; return the user's id, once its row is shown."""
    sent = {"traceparent": f"00-{TRACE}-{SENDER}-01"}
    with httpx.Client(base_url=running.apis[0].url, timeout=10, headers=sent) as http:
        return Client(http=http).registered("Ada")


def end(running: Running) -> list[int]:
    """Stop API and worker, which takes 12 seconds at most; return how they ended."""
    parts = [*running.apis, *running.workers]
    for part in parts:
        part.process.terminate()
    return [part.process.wait(12) for part in parts]


def test_a_trace_leads_from_a_request_to_its_row(tmp_path: Path) -> None:
    with collecting() as collector, traced(tmp_path / "data", collector.url) as running:
        user = register(running)
        eventually(lambda: {"POST /graphql", "RegisterUser", "apply", "apply batch"} <= collector.spans.keys(), "spans")
        eventually(lambda: "tandem.project" in collector.spans, "the task's span")

    [request] = collector.spans["POST /graphql"]
    [command] = collector.spans["RegisterUser"]
    [apply] = collector.spans["apply"]
    [batch] = collector.spans["apply batch"]
    assert [(span.by, span.trace, span.parent) for span in (request, command, apply)] == [
        ("tandem-api", TRACE, SENDER),
        ("tandem-api", TRACE, request.id),
        ("tandem-worker", TRACE, command.id),
    ]
    assert (batch.links, apply.links) == ({command.id}, {batch.id})
    assert batch.parent in {span.id for span in collector.spans["tandem.project"]}
    assert (batch.by, batch.said) == ("tandem-worker", apply.said)
    assert apply.said["tandem.projections"] == NAMES
    assert command.said["tandem.stream"] == user
    assert command.said["tandem.outcome"] == "accepted"
    assert request.said["http.response.status_code"] == 200


def test_what_was_not_sent_yet_is_sent_at_the_end(tmp_path: Path) -> None:
    with collecting() as collector, traced(tmp_path / "data", collector.url, delay=600_000) as running:
        register(running)
        assert collector.spans == {}
        end(running)
        assert {"POST /graphql", "RegisterUser", "tandem.project", "apply batch", "apply"} == collector.spans.keys()


def test_a_collector_that_is_away_stops_nothing(tmp_path: Path) -> None:
    with traced(tmp_path / "data", "http://127.0.0.1:9") as running:
        register(running)
        assert end(running) == [-signal.SIGTERM, 0]
