"""OpenTelemetry: a trace leads from a request over its command to the transaction that made its row visible.

The command's place in its trace travels in its event's metadata, since messages name no events. While traces are off,
which they are until `start` is called, none of this does anything, and OpenTelemetry is not even imported.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from threading import Thread
from typing import Any

from sqlalchemy import Connection

from domain import event_log
from projections.checkpoints import Move

_MOST_COMMANDS = 100  # of a batch that are linked
_STOP_SECONDS = 2.0
_NOTHING: AbstractContextManager[None] = nullcontext()
_on: "_Traces | None" = None


def installed() -> bool:
    return find_spec("opentelemetry") is not None


def start(name: str, **_: object) -> None:
    """Send spans from here on, as the service `name` unless OTEL_* variables name it, which say where to and which."""
    global _on  # noqa: PLW0603 - as a process has one log, it has one set of traces
    _on = _Traces(name)


def stop(**_: object) -> None:
    """Send what has not been sent; nobody waits longer for a collector that does not answer."""
    if _on is not None:
        sending = Thread(target=_on.provider.shutdown, daemon=True)
        sending.start()
        sending.join(_STOP_SECONDS)


def are_on() -> bool:
    return _on is not None


def span(name: str) -> AbstractContextManager[Any]:
    return _NOTHING if _on is None else _on.span(name)


def request(name: str, carrier: Mapping[str, str], said: Mapping[str, str]) -> AbstractContextManager[Any]:
    """Return the span of a request, in its sender's trace where its headers name one."""
    if _on is None:
        return _NOTHING
    return _on.span(name, context=_on.context_of(carrier), kind=_on.api.SpanKind.SERVER, attributes=said)


def say(fields: Mapping[str, object], *, failed: bool = False) -> None:
    """Note what became of what the current span is about."""
    if _on is not None:
        _on.say(fields, failed=failed)


def traceparent() -> str | None:
    """Return where in which trace we are, as an event's metadata has it."""
    return None if _on is None else _on.traceparent()


def batch(log: Connection, moves: Sequence[Move], began: int) -> None:
    """Tell of a transaction that applied events; it began so many nanoseconds after 1970, and is committed."""
    if _on is not None:
        _on.batch(log, moves, began)


class _Traces:
    def __init__(self, name: str) -> None:
        from opentelemetry import trace  # noqa: PLC0415 - an optional extra
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - as above
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - as above
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - as above
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above
        from opentelemetry.trace.propagation import tracecontext  # noqa: PLC0415 - as above

        service = Resource.create()
        if str(service.attributes["service.name"]).startswith("unknown_service"):
            service = service.merge(Resource({"service.name": name}))
        self.provider = TracerProvider(resource=service)
        self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self.api = trace
        self._tracer = self.provider.get_tracer("tandem")
        self._w3c = tracecontext.TraceContextTextMapPropagator()

    def span(self, name: str, **more: Any) -> AbstractContextManager[Any]:
        # An exception's words may hold what a customer wrote; the log has them, by the request's id.
        made: AbstractContextManager[Any] = self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False, **more
        )
        return made

    def say(self, fields: Mapping[str, object], *, failed: bool) -> None:
        current = self.api.get_current_span()
        current.set_attributes({f"tandem.{name}": _plain(value) for name, value in fields.items()})
        if failed:
            current.set_status(self.api.StatusCode.ERROR)

    def traceparent(self) -> str | None:
        carrier: dict[str, str] = {}
        self._w3c.inject(carrier)
        return carrier.get("traceparent")

    def context_of(self, carrier: Mapping[str, str]) -> Any:
        return self._w3c.extract(dict(carrier))

    def batch(self, log: Connection, moves: Sequence[Move], began: int) -> None:
        commands = [self.context_of({"traceparent": each}) for each in _traceparents(log, moves)]
        links = [self.api.Link(self.api.get_current_span(command).get_span_context()) for command in commands]
        events = sum(move.after.position - move.before.position for move in moves)
        said = {"tandem.projections": sorted({move.before.projection for move in moves}), "tandem.events": events}
        whole = self._tracer.start_span("apply batch", start_time=began, links=links, attributes=said)
        whole.end()
        for command in commands:  # so that a command's own trace shows when its row was there
            link = [self.api.Link(whole.get_span_context())]
            self._tracer.start_span("apply", command, start_time=began, links=link, attributes=said).end()


def _traceparents(log: Connection, moves: Sequence[Move]) -> Sequence[str]:
    """Return the places in traces that the events of these moves come from, of the first hundred events at most."""
    places = sorted(set(_places(moves)))[:_MOST_COMMANDS]
    return [*dict.fromkeys(event_log.noted(log, "traceparent", places).values())] if places else []


def _places(moves: Sequence[Move]) -> Iterator[tuple[int, int]]:
    for move in moves:
        first = move.before.position + 1
        for position in range(first, min(move.after.position + 1, first + _MOST_COMMANDS)):
            yield move.before.partition, position


def _plain(value: object) -> str | int | float:
    return value if isinstance(value, str | int | float) else str(value)
