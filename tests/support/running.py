"""A whole Tandem as processes over servers of its own, any of which a test may kill, freeze and start again."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

import httpx
import psycopg
import redis
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

import projections.catalogue
from api import data_folder, embedded
from api.processes import last_lines, spawn, stop
from api.settings import Settings
from api.up import LOGINS, migrate
from domain.database import log_engine
from tests.conftest import free_port
from tests.support import tables
from tests.support.client import Client
from tests.support.wire import Wire, wire

PATIENCE = 60.0  # seconds; whoever is not done by then is stuck
NO_SETTINGS: Mapping[str, str] = {}
TANDEM = ("api.cli",)


@dataclass(slots=True, kw_only=True)
class Part:
    """One process, which leads a group of its own, under a name that it keeps when it is started again."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes]
    url: str = ""

    def children(self) -> list[int]:
        return children_of(self.process.pid)

    def kill(self) -> None:
        """Kill the process itself; its children find out by themselves."""
        self.process.kill()
        self.process.wait()

    def kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        self.process = self.start()


@dataclass(slots=True, kw_only=True)
class Running:
    """What runs; `started` holds every process there ever was, by the groups that they lead."""

    where: embedded.Places
    environment: dict[str, str]
    postgres: Part
    valkey: Part
    wire: Wire
    apis: list[Part] = field(default_factory=list)
    workers: list[Part] = field(default_factory=list)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def add_api(
        self, module: str = "api.cli", *arguments: str, ready: str = "/readyz", host: str = "127.0.0.1"
    ) -> Part:
        port, listen = free_port(), [] if host == "127.0.0.1" else ["--host", host]
        part = self._part(f"api-{len(self.apis) + 1}", module, *arguments, *listen, "--port", str(port))
        part.url = f"http://{host}:{port}"
        self.apis.append(part)
        eventually(lambda: answers(part.url + ready), f"{part.name} answers", said=self.log(part))
        return part

    def add_worker(self, module: str = "api.cli", *arguments: str) -> Part:
        part = self._part(f"worker-{len(self.workers) + 1}", module, *arguments)
        self.workers.append(part)
        return part

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.where.redis_url, socket_timeout=5)

    def log(self, part: Part) -> Path:
        return self.where.logs / f"{part.name}.log"

    def end(self) -> None:
        """Kill what is left: how processes end in good order is tested elsewhere."""
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _part(self, name: str, module: str, *arguments: str) -> Part:
        def start() -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", module, *arguments]
            log = self.where.logs / f"{name}.log"
            process = spawn(command, log=log, environment=self.environment, death=signal.SIGKILL)
            self.started.append(process)
            return process

        return Part(name=name, start=start, process=start())


@contextmanager
def servers(
    folder: Path, postgres_settings: Mapping[str, str] = NO_SETTINGS, *, host: str = "127.0.0.1"
) -> Iterator[Running]:
    """Run migrated stores, and nothing yet over them; Valkey is known by a wire at `host`, which can be cut."""
    data_folder.make(folder)
    with embedded.places(folder) as where, ExitStack() as stack:
        stack.callback(embedded.remove, folder)

        def start_postgres() -> subprocess.Popen[bytes]:
            return embedded.start_postgres(where, postgres_settings)

        def start_valkey() -> subprocess.Popen[bytes]:
            return embedded.start_valkey(where)

        to_valkey = stack.enter_context(wire(where.sockets / "valkey.sock", host))
        running = Running(
            where=where,
            environment=os.environ
            | {
                "TANDEM_WRITE_DATABASE_URL": where.write_url,
                "TANDEM_READ_DATABASE_URL": where.read_url,
                "TANDEM_REDIS_URL": to_valkey.url,
                **LOGINS,
            },
            wire=to_valkey,
            postgres=Part(name="postgres", start=start_postgres, process=start_postgres()),
            valkey=Part(name="valkey", start=start_valkey, process=start_valkey()),
        )
        stack.callback(lambda: stop(running.postgres.process, *embedded.POSTGRES_STOP))
        stack.callback(lambda: end(running.valkey.process))
        stack.callback(running.end)
        migrate(Settings.from_environment(running.environment))
        yield running


@dataclass(slots=True, kw_only=True)
class Tandem:
    """A running Tandem with a look into its stores."""

    running: Running
    http: httpx.Client
    log: Engine

    @property
    def client(self) -> Client:
        return Client(http=self.http).as_staff()

    def reached(self) -> dict[str, dict[int, int]]:
        return tables.checkpoints(self.running.where.read_url)

    def level(self) -> bool:
        return self.has_applied(tables.heads(self.log))

    def has_applied(self, heads: dict[int, int]) -> bool:
        """Return whether every projection is there, or further; tables that are not shown do not count."""
        found = self.reached()
        return all(
            found[projection.name].get(partition, 0) >= head
            for projection in projections.catalogue.projections()
            for partition, head in heads.items()
        )

    def lags_for(self) -> float:
        """Return the seconds until all that is in the log now is applied, whatever comes in meanwhile."""
        began, heads = monotonic(), tables.heads(self.log)
        eventually(lambda: self.has_applied(heads), "projections are level")
        return monotonic() - began

    def holds_the_fold_of_its_log(self) -> bool:
        return tables.read_tables(self.running.where.read_url) == tables.folded(self.log)


@contextmanager
def tandem(folder: Path, *, apis: int = 1, workers: int = 1, entry: Sequence[str] = TANDEM) -> Iterator[Tandem]:
    """Run a Tandem whose workers have begun to work; `entry`: the module of its parts, and what it is told first."""
    with servers(folder) as running, ExitStack() as stack:
        for _ in range(workers):
            running.add_worker(*entry, "worker")
        for _ in range(apis):
            running.add_api(*entry, "api")
        yield stack.enter_context(watched(running))


@contextmanager
def watched(running: Running) -> Iterator[Tandem]:
    """Return what runs as a Tandem, once a worker has begun to work."""
    with ExitStack() as stack:
        log = log_engine(running.where.write_url)
        stack.callback(log.dispose)
        http = stack.enter_context(httpx.Client(base_url=running.apis[0].url, timeout=10))
        found = Tandem(running=running, http=http, log=log)
        found.client.give("registerUser", {"name": "Ada", "email": "first@example.com"})
        eventually(found.level, "a worker works")
        yield found


def end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGCONT)
    stop(process, signal.SIGTERM)


def answers(url: str, *, below: int = 300) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code < below
    except httpx.TransportError:
        return False


def eventually(
    holds: Callable[[], bool], what: str, *, seconds: float = PATIENCE, said: Path | None = None, pause: float = 0.02
) -> None:
    """Return once it holds. A store that is starting again says nothing about whether it does."""
    until = monotonic() + seconds
    while True:
        with contextlib.suppress(psycopg.OperationalError, OperationalError, redis.RedisError):
            if holds():
                return
        assert monotonic() < until, f"{what}: not within {seconds} s. {last_lines(said) if said else ''}"
        sleep(pause)


def children_of(pid: int) -> list[int]:
    found: list[int] = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in tasks.read_text().split()]
    return found


def alive(pids: Sequence[int]) -> list[int]:
    """Return those that still run; the dead that nobody has reaped do not."""
    return [pid for pid in pids if _state(pid) not in {"", "Z"}]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
