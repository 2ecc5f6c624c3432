"""A worker as a process: asked to stop, it does the tasks that it has begun, and then does stop."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit

import psycopg
import pytest

from api.processes import spawn, stop
from api.settings import Settings
from tests.support import tables
from tests.support.running import children_of
from tests.support.shop import Shop
from tests.support.wire import wire

WAITING = """
    select count(*) from pg_stat_activity
    where datname = current_database() and application_name = 'tandem-projections' and wait_event_type = 'Lock'
"""


@contextmanager
def started(settings: Settings, log: Path, redis_url: str) -> Iterator[subprocess.Popen[bytes]]:
    urls = {
        "TANDEM_WRITE_DATABASE_URL": settings.write.database_url,
        "TANDEM_READ_DATABASE_URL": settings.read.database_url,
        "TANDEM_REDIS_URL": redis_url,
    }
    command = [sys.executable, "-m", "api.cli", "worker"]
    process = spawn(command, log=log, environment=os.environ | urls, death=signal.SIGTERM)
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
        socket, log = Path(urlsplit(fresh.queue.redis_url).path), tmp_path / "log"
        with wire(socket) as to_valkey:
            to_valkey.cut()  # until it is mended, a worker does not come further than to its children
            with started(fresh, log, to_valkey.url) as worker:
                eventually(lambda: len(children_of(worker.pid)) == 2)
                os.kill(children_of(worker.pid)[0], signal.SIGKILL)
                to_valkey.mend()
                assert worker.wait(60) == 1
        assert "Could not start worker processes" in log.read_text()
