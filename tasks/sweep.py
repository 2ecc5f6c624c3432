"""The sweep: once a second, in every worker, whatever is behind is nudged. It heals every lost hint.

Where Redis is gone, nobody would hear of it; then the sweep drains what is behind by itself, so projections go on.
It is also the clock that rebuilding and the hourly pruning of receipts go by: no worker is special, so none is missed.
"""

import logging
from collections.abc import Sequence
from functools import partial
from threading import Event, Thread
from time import monotonic

import redis
from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from domain.database import log_engine
from projections import lag, progress
from projections.catalogue import projections
from projections.database import projection_engine
from projections.runner import Runner
from tasks import nudge, prune, rebuild, traces
from tasks.logs import OnceAMinute
from tasks.metrics import Counts
from tasks.project import enqueue, leave_to_this_process
from tasks.settings import WorkerSettings

log = logging.getLogger(__name__)

SECONDS = 1.0
# How long after a failure of Redis it is not relied on: workers need a while to notice that their connections are dead.
_DISTRUST_SECONDS = 5.0


class Sweep:
    def __init__(self, settings: WorkerSettings, producer: Celery) -> None:
        self._settings = settings
        self._counts = Counts()
        self._producer = producer
        self._stopped = Event()
        self._distrusts_until = 0.0
        self._warn_of_redis = OnceAMinute(log, "sweep_projects_by_itself")
        self._warn_of_stores = OnceAMinute(log, "sweep_failed")
        self._draining: Thread | None = None

    def start(self, **_: object) -> None:
        Thread(target=self._run, name="sweep", daemon=True).start()

    def stop(self, **_: object) -> None:
        self._stopped.set()

    def _run(self) -> None:
        write = log_engine(self._settings.write.database_url)
        read = projection_engine(self._settings.read.database_url, idle_seconds=self._settings.limits.idle)
        client = progress.connect(self._settings.queue.redis_url)
        send = nudge.sender(client, partial(enqueue, self._producer))
        send_pruning = prune.sender(self._producer, client)
        leave_to_this_process(write, read)
        names = [projection.name for projection in projections()]
        while not self._stopped.wait(SECONDS):
            behind: list[int] = []
            try:
                if behind := lag.partitions_behind(log=write, read=read, names=names):
                    send(behind)
                if rebuild.is_wanted(log=write, read=read):
                    rebuild.enqueue(self._producer)
                send_pruning()
            except (redis.RedisError, OperationalError) as error:
                self._warn_of_redis(error)
                self._distrusts_until = monotonic() + _DISTRUST_SECONDS
            except (SQLAlchemyError, OSError) as error:
                self._warn_of_stores(error)
            except Exception:  # whatever Celery or kombu raise: without this thread, a lost nudge stays lost
                log.exception("sweep_failed")
            if behind and monotonic() < self._distrusts_until:
                self._drain(write, read, behind)

    def _drain(self, write: Engine, read: Engine, behind: Sequence[int]) -> None:
        """Project in a thread of its own: whatever becomes of that, the sweep goes on."""
        if self._draining is None or not self._draining.is_alive():
            drain = partial(_drain, write, read, behind, self._counts)
            self._draining = Thread(target=drain, name="sweep-drain", daemon=True)
            self._draining.start()


def _drain(write: Engine, read: Engine, behind: Sequence[int], counts: Counts) -> None:
    runner = Runner(
        log=write,
        read=read,
        projections=projections(),
        publish=lambda _: None,
        count=counts.applied,
        trace=traces.batch,
    )
    try:
        with counts.drain():
            runner.drain(*behind, seconds=SECONDS)
    except (SQLAlchemyError, OSError) as error:
        log.warning("sweep_cannot_project", extra={"error": type(error).__name__})
