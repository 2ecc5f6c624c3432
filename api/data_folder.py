"""The folder in which `tandem up` keeps everything: who uses it, where its stores are, how far its first start came."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

URLS = ("TANDEM_WRITE_DATABASE_URL", "TANDEM_READ_DATABASE_URL", "TANDEM_REDIS_URL")


class FolderError(Exception):
    """The folder cannot be used; the message says why and what to do."""


class FolderInUseError(FolderError):
    pass


class NotConfiguredError(Exception):
    """Some or all of the three URLs are missing; the message says which and what to do."""


def mode() -> int:
    """Ours alone; root's may be passed through, since PostgreSQL, then another account, has its data in it."""
    return 0o711 if os.geteuid() == 0 else 0o700


def make(folder: Path) -> None:
    try:
        _make(folder)
    except OSError as error:
        raise FolderError(f"{folder} cannot be made ({error.strerror}). Give another folder with --data.") from error


def _make(folder: Path) -> None:
    folder.mkdir(mode=mode(), parents=True, exist_ok=True)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[Callable[[], None]]:
    """Use the folder alone. The lock ends with the process, however that ends.

    Yields a check that raises once the folder is no longer the one that was locked.
    """
    with (folder / "lock").open("a+") as lock:
        if not _lock(lock.fileno()):
            lock.seek(0)
            raise FolderInUseError(
                f"{folder} is in use by another `tandem up` (pid {lock.read().strip()}). "
                "Stop it, or give another folder with --data."
            )
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield partial(_check_that_it_is_there, folder, lock.fileno())


def _check_that_it_is_there(folder: Path, lock: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(lock), (folder / "lock").stat()):
            return
    raise FolderError(
        f"{folder} was deleted while it was in use, so everything was stopped. The next start begins with an empty one."
    )


@contextlib.contextmanager
def published(folder: Path, urls: Mapping[str, str]) -> Iterator[None]:
    """Let other commands find the stores while they run."""
    file = folder / "environment"
    file.unlink(missing_ok=True)
    # They may hold passwords: closed from the first moment on.
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
        output.writelines(f"{name}={url}\n" for name, url in urls.items())
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def configured(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the three URLs of the environment, all of them or none."""
    given = {name: environ[name] for name in URLS if environ.get(name)}
    if given and len(given) < len(URLS):
        missing = " and ".join(name for name in URLS if name not in given)
        raise NotConfiguredError(f"{missing} must be set too: either all three URLs are set, or none.")
    return given


def urls(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the three URLs: those of the environment, or those of the `tandem up` that runs in the folder."""
    found = configured(environ) or _published_in(folder)
    if not found:
        raise NotConfiguredError(
            "No databases are configured. Start `tandem up` in another terminal, or set "
            "TANDEM_WRITE_DATABASE_URL, TANDEM_READ_DATABASE_URL and TANDEM_REDIS_URL."
        )
    return found


def first_start(folder: Path) -> str | None:
    """How far the first start came: None, "begun", or what it finished with, "demo" or "empty"."""
    marker = folder / "first-start"
    return marker.read_text().strip() if marker.exists() else None


def note_first_start(folder: Path, state: str) -> None:
    (folder / "first-start").write_text(f"{state}\n")


def _published_in(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / "environment").read_text().splitlines()
        with (folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:  # it is locked, so it runs
        return dict(line.split("=", 1) for line in lines)
    except FileNotFoundError:
        return {}
    return {}  # left behind by one that was killed


def _lock(descriptor: int) -> bool:
    # More than once, since a command that looks whether we run holds the lock for a moment.
    for _ in range(5):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.05)
    return False
