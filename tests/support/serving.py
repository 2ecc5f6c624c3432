"""An API of a test's own: in this process, with bounds of its own, or as one more process."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any

from api.app import create_app
from api.cost import Limits
from api.server import Server
from api.settings import Settings
from api.streams import Bounds, Streams
from tests.conftest import free_port, wait_for

_WITHIN = 15.0  # seconds

# For tests that ask for all there is at once.
ROOMY = Limits(
    characters=100_000,
    tokens=10_000,
    depth=50,
    aliases=1000,
    directives=1000,
    fragments=1000,
    fields=10_000,
    of_a_name=1000,
    cost=1_000_000,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    url: str
    streams: Streams
    server: Server


@contextmanager
def serving(settings: Settings, **bounds: Any) -> Iterator[Served]:
    app, port = create_app(settings, Bounds(**bounds) if bounds else None), free_port()
    streams: Streams = app.state.streams
    server = Server(
        app,
        "127.0.0.1",
        port,
        stop=streams.stop,
        connections=streams.bounds.connections,
        proxies=settings.limits.proxies,
    )
    thread = Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        yield Served(url=f"http://127.0.0.1:{port}", streams=streams, server=server)
    finally:
        server.should_exit = True
        thread.join(_WITHIN)
        assert not thread.is_alive()


@contextmanager
def another_api(settings: Settings, *, module: str = "api.cli", files: int | None = None) -> Iterator[str]:
    """Run one more API process over the stores of this run, which may open so many files before it asks for more."""
    port = free_port()
    environment = os.environ | {
        "TANDEM_WRITE_DATABASE_URL": settings.write.database_url,
        "TANDEM_READ_DATABASE_URL": settings.read.database_url,
        "TANDEM_REDIS_URL": settings.queue.redis_url,
    }
    arguments = ["api", "--port", str(port)] if module == "api.cli" else [str(port)]
    command = [sys.executable, "-m", module, *arguments]
    if files is not None:
        command = ["sh", "-c", f'ulimit -Sn {files} && exec "$@"', "sh", *command]
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        wait_for(f"http://127.0.0.1:{port}/readyz", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def eventually(holds: object) -> None:
    """Return once `holds()` does."""
    assert callable(holds)
    until = time.monotonic() + _WITHIN
    while not holds():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.01)
