"""What a worker tells operators: how large batches are and how long drains take, of all its processes together.

Its children write down what they count, each in a file of its own, and the worker's main process adds it up: that is
prometheus_client's way, which it takes where PROMETHEUS_MULTIPROC_DIR names a folder before it is imported.
"""

import hmac
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from threading import Thread
from time import monotonic
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Histogram, make_wsgi_app
from prometheus_client.multiprocess import MultiProcessCollector

from projections.checkpoints import Move
from tasks.settings import MetricsSettings

log = logging.getLogger(__name__)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Counts:
    """Of one process. The sum of a projection's batches is how many events were applied to it."""

    def __init__(self) -> None:
        self._batches = Histogram(
            "tandem_batch_events",
            "Events of the log that one transaction applied to a projection.",
            ["projection"],
            buckets=(1, 3, 10, 30, 100, 300, 1000),
            registry=None,  # the main process has one that reads what all have written
        )
        self._drains = Histogram(
            "tandem_drain_seconds",
            "How long it took to apply what some partitions had.",
            buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
            registry=None,
        )

    def applied(self, moves: Sequence[Move]) -> None:
        """Count the moves of one transaction."""
        events = Counter[str]()
        for move in moves:
            events[move.before.projection] += move.after.position - move.before.position
        for projection, count in events.items():
            if count:
                self._batches.labels(projection).observe(count)

    @contextmanager
    def drain(self) -> Iterator[None]:
        began = monotonic()
        yield
        self._drains.observe(monotonic() - began)


class Page:
    """Shows what all processes of a worker have counted, at a port of its own, if it has one."""

    def __init__(self, settings: MetricsSettings, folder: Path | None) -> None:
        self._settings = settings
        self._folder = folder
        self._server: WSGIServer | None = None

    def start(self, **_: object) -> None:
        """Listen to all hosts where a token is needed to see anything, else to this one."""
        if self._folder is None or self._settings.worker_port is None:
            return
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self._folder))  # type: ignore[no-untyped-call]
        host = "127.0.0.1" if self._settings.token is None else ""
        try:
            page = guarded(make_wsgi_app(registry), self._settings.token)
            self._server = make_server(host, self._settings.worker_port, page, _Server, handler_class=_Silent)
        except OSError as error:
            said = {"port": self._settings.worker_port, "setting": "TANDEM_WORKER_METRICS_PORT", "error": str(error)}
            log.error("metrics_port_not_free", extra=said)  # noqa: TRY400
            return
        Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def leave_to_parent(self, **_: object) -> None:
        """Do not keep the port, in a child, from the worker that comes after this one."""
        if self._server is not None:
            self._server.socket.close()

    def stop(self, **_: object) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def guarded(page: Application, token: str | None) -> Application:
    """Return a page for whoever has the token, where there is one."""

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        given = str(environ.get("HTTP_AUTHORIZATION", ""))
        if token is None or hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return page(environ, start)
        start("401 Unauthorized", [("WWW-Authenticate", "Bearer"), ("Content-Type", "text/plain")])
        return [b"Send the header Authorization: Bearer <TANDEM_METRICS_TOKEN>.\n"]

    return answer


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    timeout = 10  # seconds that it waits for a request

    def log_message(self, *_: object) -> None:
        pass
