"""A worker as a process: asked to stop, it does the tasks that it has begun, and then does stop."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.processes import spawn, stop
from api.settings import Settings
from domain.bus import Bus
from domain.database import CommandPool
from projections.catalogue import projections
from tests.conftest import free_port
from tests.support import tables
from tests.support.running import children_of
from tests.support.shop import USD, Shop
from tests.support.wire import wire

WAITING = """
    select count(*) from pg_stat_activity
    where datname = current_database() and application_name = 'tandem-projections' and wait_event_type = 'Lock'
"""


@contextmanager
def started(settings: Settings, log: Path, redis_url: str, **other: str) -> Iterator[subprocess.Popen[bytes]]:
    urls = {
        "TANDEM_WRITE_DATABASE_URL": settings.write.database_url,
        "TANDEM_READ_DATABASE_URL": settings.read.database_url,
        "TANDEM_REDIS_URL": redis_url,
    }
    command = [sys.executable, "-m", "api.cli", "worker"]
    process = spawn(command, log=log, environment=os.environ | urls | other, death=signal.SIGTERM)
    yield process
    stop(process, signal.SIGTERM)


@pytest.fixture
def worker(fresh: Settings, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with started(fresh, tmp_path / "log", fresh.queue.redis_url) as process:
        yield process


@contextmanager
def locked(url: str, table: str) -> Iterator[psycopg.Connection]:
    """Keep everybody else from a table during the block."""
    with psycopg.connect(url) as connection:
        connection.execute(f"lock table {table} in access exclusive mode".encode())
        yield connection


def eventually(holds: Callable[[], object]) -> None:
    until = monotonic() + 60
    while not holds():
        assert monotonic() < until
        sleep(0.02)


def users(settings: Settings) -> set[str]:
    return set(tables.read_tables(settings.read.database_url)["users_view"])


class TestAWorker:
    async def test_that_is_asked_to_stop_first_does_what_it_has_begun(
        self, fresh: Settings, fresh_shop: Shop, worker: subprocess.Popen[bytes], tmp_path: Path
    ) -> None:
        first = await fresh_shop.user()
        eventually(lambda: users(fresh) == {str(first)})
        with locked(fresh.read.database_url, "users_view") as connection:
            second = await fresh_shop.user()
            eventually(lambda: connection.execute(WAITING.encode()).fetchone() != (0,))
            worker.terminate()
            eventually(lambda: "Warm shutdown" in (tmp_path / "log").read_text())
            assert worker.poll() is None
        assert worker.wait(60) == 0
        assert users(fresh) == {str(first), str(second)}

    def test_that_loses_a_child_at_its_start_ends_with_a_word_and_a_code_that_tells_of_it(
        self, fresh: Settings, tmp_path: Path
    ) -> None:
        of_valkey, log = Path(urlsplit(fresh.queue.redis_url).path), tmp_path / "log"
        with wire(of_valkey) as to_valkey:
            to_valkey.cut()  # until it is mended, a worker does not come further than to its children
            with started(fresh, log, to_valkey.url) as worker:
                eventually(lambda: len(children_of(worker.pid)) == 2)
                os.kill(children_of(worker.pid)[0], signal.SIGKILL)
                to_valkey.mend()
                assert worker.wait(60) == 1
        assert "Could not start worker processes" in log.read_text()

    def test_tells_of_a_child_that_was_killed_and_of_its_own_end_in_events_as_of_all_else(
        self, fresh: Settings, tmp_path: Path
    ) -> None:
        log = tmp_path / "log"
        with started(fresh, log, fresh.queue.redis_url, TANDEM_LOG_FORMAT="json") as worker:
            register(fresh)
            eventually(lambda: len(users(fresh)) == 1)
            os.kill(killed := children_of(worker.pid)[0], signal.SIGKILL)
            eventually(lambda: "SIGKILL" in log.read_text())
            worker.terminate()
            assert worker.wait(60) == 0
        said = [json.loads(line)["event"] for line in log.read_text().splitlines()]
        assert {re.sub(r"ForkPoolWorker-\d+", "ForkPoolWorker", each) for each in said} >= {
            f"Process 'ForkPoolWorker' pid:{killed} exited with 'signal 9 (SIGKILL)'",
            "worker: Warm shutdown (MainProcess)",
        }


def applied(page: httpx.Response) -> dict[str, float]:
    """Return how many events were applied to each projection, as a worker tells."""
    families = text_string_to_metric_families(page.raise_for_status().text)
    samples = [sample for family in families for sample in family.samples]
    return {each.labels["projection"]: each.value for each in samples if each.name == "tandem_batch_events_sum"}


def register(settings: Settings) -> None:
    async def give() -> None:
        async with CommandPool(settings.write.database_url) as pool:
            await Shop(Bus(pool, currency=USD, nudge=lambda _: None)).user()

    asyncio.run(give())


class TestMetrics:
    def test_add_up_what_all_children_did_also_one_that_is_gone(self, fresh: Settings, tmp_path: Path) -> None:
        page = f"http://127.0.0.1:{(port := free_port())}/metrics"
        wanted = {"TANDEM_WORKER_METRICS_PORT": str(port), "TANDEM_METRICS_TOKEN": "ours", "TMPDIR": str(tmp_path)}
        with (
            httpx.Client(headers={"Authorization": "Bearer ours"}) as operator,
            started(fresh, tmp_path / "log", fresh.queue.redis_url, **wanted) as worker,
        ):
            register(fresh)
            eventually(lambda: len(users(fresh)) == 1)
            for child in children_of(worker.pid):
                os.kill(child, signal.SIGKILL)
            register(fresh)
            eventually(lambda: len(users(fresh)) == 2)
            told = {projection.name: 2.0 for projection in projections()}
            eventually(lambda: applied(operator.get(page)) == told)
            assert httpx.get(page).status_code == 401
        assert list(tmp_path.glob("tandem-metrics-*")) == []

    def test_whose_port_is_taken_stop_no_worker(self, fresh: Settings, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            with started(fresh, tmp_path / "log", fresh.queue.redis_url, TANDEM_WORKER_METRICS_PORT=port) as worker:
                eventually(lambda: f"metrics_port_not_free port={port}" in (tmp_path / "log").read_text())
                assert worker.poll() is None
