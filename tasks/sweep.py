"""The sweep: once a second, in every worker, whatever is behind is nudged. It heals every lost hint.

It is also the clock that rebuilding and the hourly pruning of receipts go by: no worker is special, so none is missed.
"""

import logging
from functools import partial
from threading import Event, Thread

import redis
from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy.exc import SQLAlchemyError

from domain.database import log_engine
from projections import lag, progress
from projections.catalogue import projections
from projections.database import projection_engine
from tasks import nudge, prune, rebuild
from tasks.project import enqueue, leave_to_this_process
from tasks.settings import WorkerSettings

log = logging.getLogger(__name__)

SECONDS = 1.0


class Sweep:
    def __init__(self, settings: WorkerSettings, producer: Celery) -> None:
        self._settings = settings
        self._producer = producer
        self._stopped = Event()

    def start(self, **_: object) -> None:
        Thread(target=self._run, name="sweep", daemon=True).start()

    def stop(self, **_: object) -> None:
        self._stopped.set()

    def _run(self) -> None:
        write = log_engine(self._settings.write.database_url)
        read = projection_engine(self._settings.read.database_url)
        client = progress.connect(self._settings.queue.redis_url)
        send = nudge.sender(client, partial(enqueue, self._producer))
        send_pruning = prune.sender(self._producer, client)
        leave_to_this_process(write, read)
        names = [projection.name for projection in projections()]
        while not self._stopped.wait(SECONDS):
            try:
                if behind := lag.partitions_behind(log=write, read=read, names=names):
                    send(behind)
                if rebuild.is_wanted(log=write, read=read):
                    rebuild.enqueue(self._producer)
                send_pruning()
            except (SQLAlchemyError, redis.RedisError, OperationalError, OSError) as error:
                log.warning("a sweep failed, the next one is due in a second: %s", type(error).__name__)
