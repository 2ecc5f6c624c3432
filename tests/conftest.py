"""Real servers for all tests: PostgreSQL and Valkey out of wheels, once a run, in a folder of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
import redis

import domain.database
import domain.rights
import projections.database
import projections.rights
from api import embedded
from api.auth import mint
from api.processes import spawn, stop
from api.settings import AuthSettings, Settings
from domain.roles import Login, Logins
from domain.settings import WriteSettings
from projections.settings import ReadSettings
from tasks.settings import QueueSettings

# All that tests do through HTTP is done as these, none of which may do what another one does.
LOGINS = Logins(
    commands=Login(name="tandem_commands"),
    projections=Login(name="tandem_projections"),
    reads=Login(name="tandem_reads"),
)


@pytest.fixture(scope="session")
def stores() -> Iterator[embedded.Stores]:
    """Empty, migrated stores."""
    # What the machine's own crash may cost is no concern of a test run; how durable stores are has tests of its own.
    with embedded.passing_stores(postgres_settings={"fsync": "off"}) as running:
        domain.database.migrate(running.write_url)
        domain.rights.give(running.write_url, LOGINS)
        projections.database.migrate(running.read_url)
        projections.rights.give(running.read_url, LOGINS)
        yield running


@pytest.fixture(scope="session")
def settings(stores: embedded.Stores) -> Settings:
    return Settings(
        write=WriteSettings(database_url=stores.write_url),
        read=ReadSettings(database_url=stores.read_url),
        queue=QueueSettings(redis_url=stores.redis_url),
        auth=AuthSettings(),
        commands=LOGINS.commands,
        projections=LOGINS.projections,
        reads=LOGINS.reads,
    )


@dataclass(frozen=True, kw_only=True)
class Live:
    """A whole Tandem: API and worker as processes over the stores of this run."""

    url: str
    api: subprocess.Popen[bytes]
    worker: subprocess.Popen[bytes]


@pytest.fixture(scope="session")
def live(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    logs = tmp_path_factory.mktemp("logs")
    port = free_port()
    environment = os.environ | {
        "TANDEM_WRITE_DATABASE_URL": settings.write.database_url,
        "TANDEM_READ_DATABASE_URL": settings.read.database_url,
        "TANDEM_REDIS_URL": settings.queue.redis_url,
        "TANDEM_COMMANDS_LOGIN": LOGINS.commands.name,
        "TANDEM_PROJECTIONS_LOGIN": LOGINS.projections.name,
        "TANDEM_READS_LOGIN": LOGINS.reads.name,
    }

    def start(name: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "api.cli", name, *arguments]
        return spawn(command, log=logs / f"{name}.log", environment=environment, death=signal.SIGTERM)

    worker = start("worker")
    api = start("api", "--port", str(port))
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/readyz", api)
        _wait_for_a_worker(settings.queue.redis_url, worker)
        yield Live(url=url, api=api, worker=worker)
    finally:
        for process in (api, worker):
            process.terminate()
        for process in (api, worker):
            stop(process, signal.SIGTERM, within=20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert process.poll() is None, "the API ended before it was ready"
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"{url} was not ready within {seconds} s")


def _wait_for_a_worker(redis_url: str, process: subprocess.Popen[bytes], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    with redis.Redis.from_url(redis_url) as client:
        while "brpop" not in {each["cmd"] for each in client.client_list()}:
            assert process.poll() is None, "the worker ended before it was ready"
            assert time.monotonic() < until, f"no worker took messages within {seconds} s"
            time.sleep(0.1)


@pytest.fixture(scope="session")
def staff_token() -> str:
    return mint(AuthSettings(), subject="tests", role="staff")
