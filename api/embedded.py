"""Real PostgreSQL and Valkey out of wheels, their data in one folder, open to nobody but us.

They listen on unix sockets only, in a folder that no other account may enter, so no port can collide either.
"""

import contextlib
import locale
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from api import data_folder
from api.processes import Account, last_lines, may_execute, spawn, stop, stop_leftover
from api.wheels import EmbeddedError, postgres_programs, valkey_program

__all__ = [
    "EmbeddedError",
    "Places",
    "Stores",
    "passing_stores",
    "places",
    "remove",
    "start_postgres",
    "start_valkey",
    "stores",
]

READY_WITHIN = 30.0
SOCKET_FOLDER_LENGTH = 80  # a socket's whole path must stay under 104 bytes (macOS) or 108 (Linux)
RELOCATED = Path("/var/lib/tandem")
# PostgreSQL: the fast shutdown, then the immediate one, after which it recovers from its log as after a crash.
POSTGRES_STOP = (signal.SIGINT, signal.SIGQUIT)
VALKEY_STOP = (signal.SIGTERM,)
DATABASES = ("tandem_write", "tandem_read")
POSTGRES_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "unix_socket_permissions": "0700",
    # What was acknowledged is on disk: the product's promise, not to be traded for speed.
    "fsync": "on",
    "synchronous_commit": "on",
    # Whoever holds a lock and does nothing, a forgotten psql for one, would hold up a partition for as long.
    "idle_in_transaction_session_timeout": "60s",
}
VALKEY_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "set-proc-title": "no",  # the command line goes on naming the folder, by which a leftover is recognised
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where everything of one data folder is, and as whom PostgreSQL runs (None: as we do)."""

    cluster: Path
    sockets: Path
    valkey: Path
    logs: Path
    programs: Path
    account: Account | None

    @property
    def write_url(self) -> str:
        return self._postgres_url("tandem_write")

    @property
    def read_url(self) -> str:
        return self._postgres_url("tandem_read")

    @property
    def redis_url(self) -> str:
        return f"unix://{quote(str(self.sockets / 'valkey.sock'))}?db=0"

    def _postgres_url(self, database: str) -> str:
        return f"postgresql://tandem@/{database}?host={quote(str(self.sockets))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Two running servers; `programs` also holds psql, pgbench and the like."""

    write_url: str
    read_url: str
    redis_url: str
    programs: Path
    postgres: subprocess.Popen[bytes]
    valkey: subprocess.Popen[bytes]


@contextlib.contextmanager
def stores(folder: Path, *, postgres_settings: Mapping[str, str] | None = None) -> Iterator[Stores]:
    """Both servers, ready, with both databases; stopped at the end. The thread that enters must outlive them."""
    data_folder.make(folder)
    with data_folder.locked(folder), places(folder) as where, contextlib.ExitStack() as stack:
        postgres = start_postgres(where, postgres_settings or {})
        stack.callback(stop, postgres, *POSTGRES_STOP)
        valkey = start_valkey(where)
        stack.callback(stop, valkey, *VALKEY_STOP)
        yield Stores(
            write_url=where.write_url,
            read_url=where.read_url,
            redis_url=where.redis_url,
            programs=where.programs,
            postgres=postgres,
            valkey=valkey,
        )


@contextlib.contextmanager
def passing_stores(*, postgres_settings: Mapping[str, str] | None = None) -> Iterator[Stores]:
    """Stores for a test or a trial: empty at first, and nothing remains of them."""
    folder = Path(tempfile.mkdtemp(prefix="tandem-"))
    folder.chmod(data_folder.mode())
    try:
        with stores(folder, postgres_settings=postgres_settings) as running:
            yield running
    finally:
        remove(folder)


@contextlib.contextmanager
def places(folder: Path) -> Iterator[Places]:
    """Make the folders that are missing. The sockets' folder is removed again if it had to be a temporary one."""
    folder = folder.resolve()  # one spelling, by which leftovers are recognised
    account = _account(folder / "postgres")
    data_folder.make(folder)
    for name in ("valkey", "logs"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    home = _home(folder, account)
    with _sockets(home, account) as sockets:
        yield Places(
            cluster=home / "postgres",
            sockets=sockets,
            valkey=folder / "valkey",
            logs=folder / "logs",
            programs=postgres_programs(home, account),
            account=account,
        )


def remove(folder: Path) -> None:
    """Delete a data folder that nobody uses, with its cluster, wherever that is."""
    with data_folder.locked(folder):
        link = folder / "postgres"
        if link.is_symlink():
            shutil.rmtree(link.readlink().parent, ignore_errors=True)
        shutil.rmtree(folder)


def start_postgres(where: Places, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A PostgreSQL that answers, with both databases in it."""
    log = where.logs / "postgres.log"
    if not where.cluster.exists():
        _initialise(where, log)
    stop_leftover("postgres", where.cluster / "postmaster.pid", where.cluster)
    (where.sockets / ".s.PGSQL.5432.lock").unlink(missing_ok=True)  # nobody else listens in this folder
    command = [str(where.programs / "postgres"), "-D", str(where.cluster), "-h", "", "-k", str(where.sockets)]
    for name, value in {**POSTGRES_SETTINGS, **settings}.items():
        command += ["-c", f"{name}={value}"]
    process = spawn(command, log=log, environment=_environment(), death=POSTGRES_STOP[0], account=where.account)
    _wait("PostgreSQL", process, log, lambda: _create_databases(where.sockets))
    return process


def start_valkey(where: Places) -> subprocess.Popen[bytes]:
    """A Valkey that has loaded what it had kept, and answers."""
    log, pid_file = where.logs / "valkey.log", where.valkey / "valkey.pid"
    stop_leftover("valkey-server", pid_file, where.valkey)
    paths = {"dir": where.valkey, "unixsocket": where.sockets / "valkey.sock", "pidfile": pid_file}
    command = [str(valkey_program())]
    for name, value in {**VALKEY_SETTINGS, **paths}.items():
        command += [f"--{name}", str(value)]
    process = spawn(command, log=log, environment=_environment(), death=VALKEY_STOP[0])
    with redis.Redis.from_url(where.redis_url, retry=Retry(NoBackoff(), 0), socket_timeout=5) as client:
        _wait("Valkey", process, log, client.ping)
    return process


def _account(cluster: Path) -> Account | None:
    """PostgreSQL refuses to run as root, so root lends it another account: the one that owns its data, if any."""
    if os.geteuid() != 0:
        return None
    if cluster.exists():
        return Account(cluster.stat().st_uid, cluster.stat().st_gid)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return Account(found.pw_uid, found.pw_gid)
    raise EmbeddedError("PostgreSQL does not run as root, and there is no account `postgres` or `nobody` to lend it.")


def _home(folder: Path, account: Account | None) -> Path:
    """Where the cluster lives: in the folder, unless the account may not go there."""
    link = folder / "postgres"
    if link.is_symlink():
        return link.readlink().parent
    if account is None or may_execute(folder, account):
        return folder
    # Below a closed folder, which is not ours to open. The link finds the place again; a fresh name each time, so
    # that whoever deletes the data folder and starts again does not meet the old data.
    RELOCATED.mkdir(mode=0o755, parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix=f"{folder.name.strip('.')}-", dir=RELOCATED))
    home.chmod(0o711)
    link.symlink_to(home / "postgres")
    return home


@contextlib.contextmanager
def _sockets(home: Path, account: Account | None) -> Iterator[Path]:
    folder = home / "sockets"
    if len(os.fsencode(folder)) <= SOCKET_FOLDER_LENGTH:
        _own(folder, account)
        yield folder
        return
    # Too long for a socket's address: a short one, fresh and closed, in the folder for temporary files.
    with tempfile.TemporaryDirectory(prefix="tandem-") as short:
        _own(Path(short), account)
        yield Path(short)


def _own(folder: Path, account: Account | None) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account:
        os.chown(folder, *account)


def _environment() -> dict[str, str]:
    """Ours without PGHOST, PGOPTIONS and the like, which are meant for other clusters; English messages."""
    return {**{k: v for k, v in os.environ.items() if not k.startswith("PG")}, "LC_ALL": "C"}


def _letters() -> str:
    """Return a locale of this system that knows the letters of all scripts, or at least those of English."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        return locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return "C"
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def _initialise(where: Places, log: Path) -> None:
    # The rename comes last: what has the final name is complete.
    unfinished = where.cluster.with_name("postgres.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    _own(unfinished, where.account)
    command = [str(where.programs / "initdb"), "-D", str(unfinished), "--username=tandem", "--auth=trust"]
    # The built-in provider has C.UTF-8 whatever the system has. What is a letter to a search, pg_trgm asks the system.
    command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command += [f"--lc-ctype={_letters()}"]
    process = spawn(command, log=log, environment=_environment(), death=signal.SIGKILL, account=where.account)
    if process.wait() != 0:
        raise EmbeddedError(f"PostgreSQL could not lay out its data folder. The end of {log}:\n{last_lines(log)}")
    unfinished.rename(where.cluster)


def _create_databases(sockets: Path) -> bool:
    with psycopg.connect(host=str(sockets), user="tandem", dbname="postgres", autocommit=True) as connection:
        existing = {name for (name,) in connection.execute("select datname from pg_database")}
        for name in DATABASES:
            if name not in existing:
                connection.execute(f"create database {name}".encode())
    return True


def _wait(what: str, process: subprocess.Popen[bytes], log: Path, answers: Callable[[], object]) -> None:
    deadline = time.monotonic() + READY_WITHIN
    with contextlib.ExitStack() as on_failure:
        on_failure.callback(stop, process, signal.SIGINT, within=5)
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(psycopg.OperationalError, redis.RedisError):
                if answers():
                    on_failure.pop_all()
                    return
            time.sleep(0.02)
        why = "stopped at once" if process.poll() is not None else f"did not answer within {READY_WITHIN:.0f} s"
        raise EmbeddedError(f"{what} {why}. The end of {log}:\n{last_lines(log)}")
