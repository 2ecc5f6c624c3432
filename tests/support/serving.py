"""An API in this process, on a port of its own, with bounds of a test's own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

from api.app import create_app
from api.server import Server
from api.settings import Settings
from api.streams import Bounds, Streams
from tests.conftest import free_port

_WITHIN = 15.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    url: str
    streams: Streams
    server: Server


@contextmanager
def serving(settings: Settings, **bounds: float) -> Iterator[Served]:
    app, port = create_app(settings, Bounds(**bounds)), free_port()  # type: ignore[arg-type]
    streams: Streams = app.state.streams
    server = Server(app, "127.0.0.1", port, stop=streams.stop)
    thread = Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        yield Served(url=f"http://127.0.0.1:{port}", streams=streams, server=server)
    finally:
        server.should_exit = True
        thread.join(_WITHIN)
        assert not thread.is_alive()


def eventually(holds: object) -> None:
    """Return once `holds()` does."""
    assert callable(holds)
    until = time.monotonic() + _WITHIN
    while not holds():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.01)
