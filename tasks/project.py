"""The task of projecting: drain the partitions that were nudged into the read tables."""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic, sleep

from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import Engine

from domain.database import log_engine
from projections import progress
from projections.catalogue import projections
from projections.database import projection_engine
from projections.runner import Runner
from tasks import nudge, traces
from tasks.metrics import Counts
from tasks.settings import WorkerSettings

PROJECT = "tandem.project"
_PARTITIONS = 16  # a quarter of them: a backlog in all is shared by four tasks
# Seconds. Where commands come more often, they find a task that waits, which saves a message and its way to a child.
_LINGER = 0.5
# Seconds. Under load a task rests as long as it worked: what comes in meanwhile costs one transaction together.
_REST = 0.02

_inherited: list[Engine] = []


def enqueue(app: Celery) -> None:
    app.send_task(PROJECT, retry=False)


def task(
    settings: WorkerSettings, *, again: Callable[[], None], stopping: Callable[[], bool] = lambda: False
) -> Callable[..., None]:
    """Return the function that Celery runs; `again` enqueues it once more, and `stopping` says that none shall linger.

    It takes no arguments, and ignores those that a newer sender gives: where something is new, Redis knows.
    """
    projector = Projector(settings, again, stopping)

    def project(**_: object) -> None:
        projector.drain()

    return project


class Projector:
    """Drains partitions. Its connections are made at the first call in each process, never taken over a fork."""

    def __init__(self, settings: WorkerSettings, again: Callable[[], None], stopping: Callable[[], bool]) -> None:
        self._settings = settings
        self._counts = Counts()
        self._again = again
        self._stopping = stopping
        self._process: int | None = None

    def drain(self) -> None:
        """Drain what was noted and what will be, until nothing is for a while, or half of a task's time is over."""
        if self._process != os.getpid():
            self._connect()
        until, alone = monotonic() + self._settings.limits.soft / 2, True
        while partitions := self._next():
            if len(partitions) == _PARTITIONS and alone:
                self._call_again()  # one more helps; it calls another one if it takes that
                alone = False
            began = monotonic()
            with traces.span(PROJECT), self._counts.drain():
                self._runner.drain(*partitions, seconds=max(0.0, until - began))
            if (now := monotonic()) > until:
                self._call_again()  # in a task of its own, so that none runs for ever
                return
            sleep(min(now - began, _REST))

    def _next(self) -> list[int]:
        if not self._stopping() and (found := nudge.take(self._hints, most=_PARTITIONS, wait=_LINGER)):
            return found
        return nudge.take(self._hints, most=_PARTITIONS)

    def _call_again(self) -> None:
        with suppress(OperationalError, OSError):  # where Redis is gone, the sweep finds what is left
            self._again()

    def _connect(self) -> None:
        # A connection that was lost fails one task; the next sweep has another one.
        log = log_engine(self._settings.write.database_url, pre_ping=False)
        read = projection_engine(
            self._settings.read.database_url, idle_seconds=self._settings.limits.idle, pre_ping=False
        )
        self._hints = progress.connect(self._settings.queue.redis_url, waits=_LINGER)
        self._runner = Runner(
            log=log,
            read=read,
            projections=projections(),
            publish=partial(progress.publish, progress.connect(self._settings.queue.redis_url)),
            count=self._counts.applied,
            trace=traces.batch,
        )
        leave_to_this_process(log, read)
        self._process = os.getpid()


def leave_to_this_process(*engines: Engine) -> None:
    """Keep the connections of these engines out of children that are forked later."""
    _inherited.extend(engines)


def forget_inherited_connections(**_: object) -> None:
    """Leave a parent's sockets alone in a forked child."""
    for engine in _inherited:
        engine.dispose(close=False)
    _inherited.clear()
