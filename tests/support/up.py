"""`tandem up` and the other commands as people run them: as processes, which tests read from and signal to."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue

import psycopg
import pytest

from api import embedded
from tests.conftest import free_port

TANDEM = [sys.executable, "-P", "-m", "api.cli"]
URLS = ("TANDEM_WRITE_DATABASE_URL", "TANDEM_READ_DATABASE_URL", "TANDEM_REDIS_URL")


class Up:
    """One `tandem up`, with what it has printed so far."""

    def __init__(self, data: Path, *arguments: str, **extra: str) -> None:
        self.port = free_port()
        self.data = data
        self.printed = ""
        self._lines: Queue[str] = Queue()
        self.process = subprocess.Popen(
            [*TANDEM, "up", "--port", str(self.port), "--data", str(data), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment() | extra,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as output:
            for line in output:
                self._lines.put(line)
        self._lines.put("")

    def until(self, words: str, within: float = 180) -> str:
        deadline = time.monotonic() + within
        while words not in self.printed:
            try:
                line = self._lines.get(timeout=max(0, deadline - time.monotonic()))
            except Empty:
                pytest.fail(f"{words!r} was not printed within {within} s, but:\n{self.printed}")
            if not line:
                pytest.fail(f"{words!r} was not printed, but this to the end:\n{self.printed}")
            self.printed += line
        return self.printed

    def ready(self) -> str:
        return self.until("Ctrl-C stops it.")

    def end(self, how: signal.Signals = signal.SIGINT, within: float = 60) -> int:
        self.process.send_signal(how)
        return self.process.wait(within)

    def url(self, name: str) -> str:
        lines = (self.data / "environment").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)[name]

    def count(self, table: str) -> int:
        with psycopg.connect(self.url("TANDEM_WRITE_DATABASE_URL")) as connection:
            row = connection.execute(f"select count(*) from {table}".encode()).fetchone()
        assert row
        return int(row[0])

    def children(self) -> dict[int, str]:
        return children(self.process.pid)


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in URLS}


def children(parent: int) -> dict[int, str]:
    """All processes below one, by their number, with their command lines."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], check=True, capture_output=True, text=True
    ).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    found: dict[int, str] = {}
    waiting = [str(parent)]
    while waiting:
        above = waiting.pop()
        for pid, ppid, command in (row for row in rows if len(row) == 3):
            if ppid == above:
                found[int(pid)] = command
                waiting.append(pid)
    return found


def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    command = [*TANDEM, *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment() | extra, timeout=180)


def eventually(holds: Callable[[], bool], within: float = 60) -> bool:
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True).stdout
    return state.strip() != "" and not state.startswith("Z")


@contextmanager
def up(data: Path, *arguments: str, **extra: str) -> Iterator[Up]:
    running = Up(data, *arguments, **extra)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            try:
                running.end()
            finally:
                running.process.kill()  # does nothing to one that has ended


@contextmanager
def data_folder(parent: Path) -> Iterator[Path]:
    data = parent / "data"
    yield data
    if data.exists():
        embedded.remove(data)
