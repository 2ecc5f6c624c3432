"""The task that helps to build a read table again: a second of work on it, beside the projecting of what comes in."""

import os
from collections.abc import Callable
from socket import gethostname

from celery import Celery
from sqlalchemy import Engine

from domain.database import log_engine
from projections import rebuild
from projections.catalogue import projections
from projections.database import projection_engine
from tasks.project import leave_to_this_process
from tasks.settings import WorkerSettings

REBUILD = "tandem.rebuild"
_SECONDS = 1.0  # so that a worker with one slot still projects what comes in


def is_wanted(*, log: Engine, read: Engine) -> bool:
    """Return whether a table that is being built lacks events."""
    tables = rebuild.under_way(projections(), read=read)
    return any(rebuild.filled(table, log=log, read=read).left for table in tables)


def enqueue(app: Celery) -> None:
    app.send_task(REBUILD, retry=False)


def task(settings: WorkerSettings, *, again: Callable[[], None]) -> Callable[..., None]:
    """Return the function that Celery runs; `again` enqueues it once more. It ignores arguments: a newer sender's."""
    rebuilder = Rebuilder(settings, again)

    def rebuild_(**_: object) -> None:
        rebuilder.work()

    return rebuild_


class Rebuilder:
    """Its connections are made at the first call in each process, never taken over a fork."""

    def __init__(self, settings: WorkerSettings, again: Callable[[], None]) -> None:
        self._settings = settings
        self._again = again
        self._process: int | None = None

    def work(self) -> None:
        if self._process != os.getpid():
            self._connect()
        # The other children of this worker are for what comes in.
        with rebuild.alone(self._read, f"worker {os.getppid()} on {gethostname()}") as is_free:
            more = is_free and self._fill()
        if more:
            self._again()

    def _fill(self) -> bool:
        tables = rebuild.under_way(projections(), read=self._read)
        level = [rebuild.fill(table, log=self._log, read=self._read, seconds=_SECONDS) for table in tables]
        return not all(level)

    def _connect(self) -> None:
        self._log = log_engine(self._settings.write.database_url)
        self._read = projection_engine(self._settings.read.database_url)
        leave_to_this_process(self._log, self._read)
        self._process = os.getpid()
