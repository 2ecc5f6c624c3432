"""What a claim is measured on: stores of its own, new and migrated, and processes over them; all gone afterwards."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from sqlalchemy import make_url

import domain.database
import projections.database
from api import embedded
from api.processes import last_lines, spawn, stop
from domain.database import log_engine
from projections import lag
from projections.catalogue import projections as catalogue
from projections.database import projection_engine

READY_WITHIN = 30.0
LEVEL_WITHIN = 60.0


class StageError(Exception):
    """A process that did not start, or read tables that did not become level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A process that answers HTTP."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """Return how long it has computed, in all its threads."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    def megabytes(self) -> float:
        """Return the memory that it alone holds."""
        return float(psutil.Process(self.pid).memory_full_info().uss) / 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    stores: embedded.Stores
    folder: Path

    @contextlib.contextmanager
    def api(self) -> Iterator[int]:
        """Run the API and give its port."""
        with self.server("api.cli", "api", ready="/readyz") as port:
            yield port

    @contextlib.contextmanager
    def server(self, module: str, *arguments: str, ready: str) -> Iterator[int]:
        """Run a module that takes --port, and give its port once it answers `ready` with 200."""
        with self.serving([sys.executable, "-m", module, *arguments], ready=ready) as server:
            yield server.port

    @contextlib.contextmanager
    def serving(self, command: Sequence[str], *, ready: str) -> Iterator[Server]:
        """Run a command that takes --port, and give what runs once it answers `ready` with 200."""
        port = free_port()
        log = self.folder / f"{port}.log"
        with self._running([*command, "--port", str(port)], log) as process:
            _wait_for(f"http://127.0.0.1:{port}{ready}", process, log)
            yield Server(port=port, pid=process.pid)

    @contextlib.contextmanager
    def worker(self) -> Iterator[None]:
        """Run one worker, as `tandem worker` starts it; it is at work when the read tables are level."""
        with self.process("api.cli", "worker"):
            self.wait_until_level()
            yield

    @contextlib.contextmanager
    def process(self, module: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        with self._running([sys.executable, "-m", module, *arguments], self.folder / f"{module}.log") as process:
            yield process

    @contextlib.contextmanager
    def _running(self, command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
        process = spawn(command, log=log, environment=self._environment(), death=signal.SIGTERM)
        try:
            yield process
        finally:
            stop(process, signal.SIGTERM, within=15)

    def database(self, name: str) -> str:
        """Make another database beside the two stores, empty, and give its address."""
        with psycopg.connect(self.stores.write_url, autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return make_url(self.stores.write_url).set(database=name).render_as_string(hide_password=False)

    def wait_until_level(self) -> None:
        """Return once every projection has applied the whole log."""
        log, read = log_engine(self.stores.write_url), projection_engine(self.stores.read_url)
        names = [projection.name for projection in catalogue()]
        until = time.monotonic() + LEVEL_WITHIN
        try:
            while lag.partitions_behind(log=log, read=read, names=names):
                if time.monotonic() > until:
                    raise StageError(f"The read tables were not level after {LEVEL_WITHIN:.0f} s.")
                time.sleep(0.05)
        finally:
            log.dispose()
            read.dispose()

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "TANDEM_WRITE_DATABASE_URL": self.stores.write_url,
            "TANDEM_READ_DATABASE_URL": self.stores.read_url,
            "TANDEM_REDIS_URL": self.stores.redis_url,
        }


@contextlib.contextmanager
def stage(*, postgres_settings: Mapping[str, str] | None = None) -> Iterator[Stage]:
    folder = Path(tempfile.mkdtemp(prefix="tandem-benchmarks-"))
    data = folder / "data"
    try:
        with embedded.stores(data, postgres_settings=postgres_settings) as running:
            domain.database.migrate(running.write_url)
            projections.database.migrate(running.read_url)
            yield Stage(stores=running, folder=folder)
    finally:
        if data.exists():
            embedded.remove(data)
        shutil.rmtree(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + READY_WITHIN
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise StageError(f"{url} did not answer within {READY_WITHIN:.0f} s.\n{last_lines(log)}")
