"""The one task: drain a partition into the read tables."""

import os
from collections.abc import Callable
from functools import partial

import redis
from sqlalchemy import Engine

from domain.database import log_engine
from projections import progress
from projections.catalogue import projections
from projections.database import projection_engine
from projections.runner import Runner
from tasks.nudge import pending_key
from tasks.settings import WorkerSettings

PROJECT = "tandem.project"
_SECONDS = 10.0

_inherited: list[Engine] = []


def task(settings: WorkerSettings) -> Callable[..., None]:
    """Return the function that Celery runs. It ignores arguments that it does not know: a newer sender's."""
    projector = Projector(settings)

    def project(*, partition: int, **_: object) -> None:
        projector.drain(partition)

    return project


class Projector:
    """Drains partitions. Its connections are made at the first call in each process, never taken over a fork."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._process: int | None = None

    def drain(self, partition: int) -> None:
        if self._process != os.getpid():
            self._connect()
        self._let_nudge_again(partition)
        self._runner.drain(partition, seconds=_SECONDS)

    def _connect(self) -> None:
        log = log_engine(self._settings.write.database_url)
        read = projection_engine(self._settings.read.database_url)
        self._redis = progress.connect(self._settings.queue.redis_url)
        self._runner = Runner(
            log=log, read=read, projections=projections(), publish=partial(progress.publish, self._redis)
        )
        leave_to_this_process(log, read)
        self._process = os.getpid()

    def _let_nudge_again(self, partition: int) -> None:
        """Clear the mark before the log is read: an event that comes after this gets a nudge of its own."""
        try:
            self._redis.delete(pending_key(partition))
        except (redis.RedisError, OSError):
            return


def leave_to_this_process(*engines: Engine) -> None:
    """Keep the connections of these engines out of children that are forked later."""
    _inherited.extend(engines)


def forget_inherited_connections(**_: object) -> None:
    """Leave a parent's sockets alone in a forked child."""
    for engine in _inherited:
        engine.dispose(close=False)
    _inherited.clear()
