"""Disks that are full, or that say they cannot write: what was acknowledged is there afterwards."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import httpx
import psycopg

from tests.e2e.chaos.faults import Fault, Ground
from tests.support.client import Client
from tests.support.running import answers, eventually

_SIZE = "420m"
_BROKEN = 4.0  # seconds
_PIECE = b"x" * 65_536
_READ = "{ users(first: 1) { nodes { id } } products(first: 1) { nodes { id } } }"
_SYNCED = "fsync,fdatasync,sync_file_range"


def can_be_full() -> bool:
    return os.geteuid() == 0 and shutil.which("mount") is not None


def can_fail() -> bool:
    """Return whether strace is here, and may trace."""
    if os.geteuid() != 0 or not (strace := shutil.which("strace")):
        return False
    return subprocess.run([strace, "-qq", "-o", "/dev/null", "true"], check=False, capture_output=True).returncode == 0


@contextmanager
def small_disk() -> Iterator[Path]:
    """Yield a data folder whose PostgreSQL has a small disk of its own, in memory."""
    with tempfile.TemporaryDirectory(prefix="tandem-disk-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL's account has to pass
        disk, data = Path(folder) / "disk", Path(folder) / "data"
        disk.mkdir()
        data.mkdir()
        (data / "postgres").symlink_to(disk / "postgres")
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=755", "none", str(disk)], check=True)
        try:
            yield data
        finally:
            subprocess.run(["umount", "--lazy", str(disk)], check=True)


def filled(ground: Ground) -> int:
    """Fill the disk up to the last byte for some seconds; PostgreSQL may go on, refuse, or die of it."""
    postgres, ballast = ground.running.postgres, ground.running.where.cluster.parent / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(_PIECE)
    until = monotonic() + _BROKEN
    while monotonic() < until:
        _reads_or_says_that_it_cannot(ground)
        sleep(0.5)
    ballast.unlink()
    died = postgres.process.poll() is not None
    if died:
        postgres.restart()
    eventually(lambda: answers(f"{ground.running.apis[0].url}/readyz"), "commands and queries work again")
    return int(died)


def unwritable(ground: Ground) -> int:
    """Every fsync fails, of all processes of PostgreSQL: it takes no more connections, until it is started again.

    PostgreSQL 18 may hang there, when its recovery has failed too, instead of ending.
    """
    postgres = ground.running.postgres
    pids = [argument for pid in (postgres.process.pid, *postgres.children()) for argument in ("-p", str(pid))]
    inject = ["-e", f"trace={_SYNCED}", "-e", f"inject={_SYNCED}:error=EIO"]
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", *inject, *pids], stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: not _connects(ground), "PostgreSQL gives up, rather than acknowledge")
        sleep(_BROKEN)
        assert not _connects(ground)
    finally:
        tracer.terminate()
        tracer.wait()
    postgres.kill()
    postgres.restart()
    return 1


def _connects(ground: Ground) -> bool:
    try:
        psycopg.connect(ground.running.where.write_url).close()
    except psycopg.OperationalError:
        return False
    return True


def _reads_or_says_that_it_cannot(ground: Ground) -> None:
    for api in ground.running.apis:
        with httpx.Client(base_url=api.url, timeout=15) as http:
            answer = Client(http=http).as_staff().post(_READ).json()
        codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
        assert codes <= {"UNAVAILABLE"}, answer


FILLED = Fault(name="PostgreSQL's disk full for 4 s", strike=filled)
UNWRITABLE = Fault(name="every fsync of PostgreSQL fails", strike=unwritable)
