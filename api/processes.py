"""Child processes in sessions of their own, so that Ctrl-C reaches only us; on Linux they do not outlive us either."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

PR_SET_PDEATHSIG = 1
LONGEST_LOG = 20_000_000  # bytes
INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Account(NamedTuple):
    uid: int
    gid: int


def spawn(
    command: list[str],
    *,
    log: Path,
    environment: Mapping[str, str],
    death: signal.Signals,
    account: Account | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child that writes to `log` and, on Linux, gets the signal `death` when the calling thread ends."""
    with log.open("ab") as output, _signals_held_back() as mask:
        return subprocess.Popen(  # noqa: S603 - the command is ours
            command,
            env=environment,
            cwd="/" if account else None,  # our folder may be closed to that account
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_preparation(death, mask),  # noqa: PLW1509 - it only calls what is loaded beforehand
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def stop(process: subprocess.Popen[bytes], *signals: signal.Signals, within: float = 10) -> None:
    """Send one signal after the other, each with `within` seconds to follow it; kill what has followed none."""
    for each in signals:
        process.send_signal(each)  # does nothing to one that has ended
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(within)
            return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # each leads a group of its own: its children with it
    process.wait()


def may_execute(path: Path, account: Account) -> bool:
    """Ask as that account, since mode bits alone do not tell (access lists, mounts). For a folder: may enter it."""
    test = subprocess.run(  # noqa: S603 - the command is ours
        ["/bin/sh", "-c", 'test -x "$0"', str(path)],
        check=False,
        cwd="/",
        user=account.uid,
        group=account.gid,
        extra_groups=[],
    )
    return test.returncode == 0


def last_lines(log: Path, count: int = 15) -> str:
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])


def bound(log: Path, most: int = LONGEST_LOG) -> None:
    """Begin a log anew once it has so many bytes, and keep what it had as one other file, in place of that of before.

    Its process goes on writing, since all append; what it writes meanwhile may be missing.
    """
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > most:
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)


def stop_leftover(program: str, pid_file: Path, folder: Path) -> None:
    """End what a killed predecessor left running on this very folder, and nothing else; remove a lock that misleads."""
    try:
        pid = int(pid_file.read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    _end(pid, program, folder, signal.SIGINT, within=10)
    for each in {pid, *_working_in(folder, program)}:
        _end(each, program, folder, signal.SIGKILL, within=5)
    # PostgreSQL takes any process that has its old number by now, or is dead and not yet reaped, for a running server.
    # With no such process it looks for itself whether the folder is in use, and needs the file for that.
    if _exists(pid) and program not in _command_line(pid):
        pid_file.unlink(missing_ok=True)


@contextlib.contextmanager
def _signals_held_back() -> Iterator[set[signal.Signals | int]]:
    """Yield the mask of before. What a signal's handler raises amid a fork, Python prints and passes over."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTIONS)
    try:
        yield before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _preparation(death: signal.Signals, mask: Iterable[int]) -> Callable[[], None]:
    """Return what a child does first: take signals as its parent did, and on Linux tie itself to that."""
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    # Runs after the change of user, which would clear the setting.
    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if prctl:
            prctl(PR_SET_PDEATHSIG, int(death), 0, 0, 0)
            if os.getppid() != parent:  # it died before the line above
                os._exit(1)

    return prepare


def _end(pid: int, program: str, folder: Path, how: signal.Signals, *, within: float) -> None:
    deadline, sent = time.monotonic() + within, False
    while _runs_on(folder, program, pid) and time.monotonic() < deadline:
        if not sent:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
            sent = True
        time.sleep(0.02)


def _runs_on(folder: Path, program: str, pid: int) -> bool:
    line = _command_line(pid)
    return program in line and (str(folder) in line or pid in _working_in(folder, program))


def _working_in(folder: Path, program: str) -> Iterator[int]:
    """PostgreSQL's backends: they may outlive their parent, and their command lines do not name the folder."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink() == folder and (entry / "comm").read_text().strip() == program:
                yield int(entry.name)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _command_line(pid: int) -> str:
    """Empty if there is no such process, or if it is dead and only not yet reaped."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes())
        return ""
    ps = ["/bin/ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, check=False, capture_output=True, text=True).stdout  # noqa: S603 - the command is ours
