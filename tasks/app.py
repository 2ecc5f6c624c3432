"""The Celery app: it carries hints that a partition has something new, and never truth.

A message may be lost, late, doubled or reordered without harm, so nothing here tries to prevent that at a price.
"""

import gc
import logging
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from celery.apps import worker as program
from celery.exceptions import SecurityWarning
from celery.signals import (
    setup_logging,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)
from kombu.connection import Connection
from kombu.entity import Queue

from tasks import logs, pool, project, prune, rebuild, sweep, traces
from tasks.metrics import Page
from tasks.project import PROJECT
from tasks.prune import PRUNE
from tasks.rebuild import REBUILD
from tasks.settings import QueueSettings, WorkerSettings
from tasks.transport import Transport

log = logging.getLogger(__name__)

_PREFIX = "tandem:"
_QUEUE = "project"
_BOTH: dict[str, Any] = {
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,  # the default gives up after 100; a worker outlives its broker
    "broker_pool_limit": 10,
    "broker_pool_acquire_timeout": 0.5,  # the default waits for ever
    "task_serializer": "json",
    "accept_content": ["json"],
    "task_ignore_result": True,
    "result_backend": None,
    "task_default_queue": _QUEUE,
    "task_publish_retry": False,  # the sweep is the retry
    "worker_enable_remote_control": False,  # whoever can write to Redis could otherwise stop workers
    "worker_send_task_events": False,
    "task_send_sent_event": False,
}
_WORKER: dict[str, Any] = {
    # Not acknowledged. A hint that is lost is healed by the sweep; an acknowledgement that fails while Redis is away
    # would keep its slot for ever, and with all slots taken a worker listens no longer, and never notices its return.
    "task_queues": [Queue(_QUEUE, no_ack=True)],
    "worker_pool": "tasks.pool:Pool",
    "worker_prefetch_multiplier": 1,
    # No limit of tasks a child: they are small and many, and a respawn every few seconds would show in the lag.
    "worker_max_memory_per_child": 300_000,  # KiB
    "worker_cancel_long_running_tasks_on_connection_loss": True,
    "worker_soft_shutdown_timeout": 10,
    "worker_hijack_root_logger": False,
    "broker_transport_options": {
        "global_keyprefix": _PREFIX,
        "polling_interval": 0.25,  # seconds that it blocks for, and so the longest that it takes to stop
        # Of a peer that is silent, or gone without a word, a worker is free within three seconds.
        "socket_timeout": 2,  # above what it blocks for
        "socket_connect_timeout": 1,
        "socket_keepalive": True,
        "health_check_interval": 1,
        "retry_on_timeout": False,
        "client_name": "tandem-worker",
    },
}
_PRODUCER: dict[str, Any] = {
    "broker_transport_options": {
        "global_keyprefix": _PREFIX,
        "socket_timeout": 0.25,
        "socket_connect_timeout": 0.25,
        "socket_keepalive": True,
        "retry_on_timeout": False,
        "client_name": "tandem-nudge",
    },
}
# Workers need not know each other; talking costs messages and adds ways to fail.
_ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")


class _Connection(Connection):
    def get_transport_cls(self) -> type[Transport]:
        return Transport

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Knock twice a second. By default a worker does so ever more seldom, and is back half a minute late."""
        return super().ensure_connection(
            *args, **kwargs | {"interval_start": 0.5, "interval_step": 0, "interval_max": 0.5}
        )


class _Messages(AMQP):
    Connection = _Connection


def create_producer(queue: QueueSettings) -> Celery:
    """Return an app that only sends, and gives up on a silent broker within half a second."""
    return _app(queue, _PRODUCER)


def create_worker(settings: WorkerSettings) -> Celery:
    """Return an app that drains partitions, rebuilds and prunes, with the tasks registered."""
    limits = {"task_soft_time_limit": settings.limits.soft, "task_time_limit": settings.limits.hard}
    app, producer = _app(settings.queue, _WORKER | limits), create_producer(settings.queue)
    # Again by the producer, which gives up on a silent broker sooner.
    projecting = project.task(settings, again=partial(project.enqueue, producer), stopping=pool.is_stopping)
    app.task(name=PROJECT, shared=False)(projecting)
    app.task(name=REBUILD, shared=False)(rebuild.task(settings, again=partial(rebuild.enqueue, producer)))
    app.task(name=PRUNE, shared=False)(prune.task(settings.pruning or settings.write))
    return app


def run_worker(settings: WorkerSettings, *, concurrency: int, counted_in: Path | None = None) -> None:
    """Run a worker in the foreground until SIGTERM or Ctrl-C, with a sweep of its own; this process ends with it.

    `counted_in`: the folder in which its processes write down what they count; it is gone at the end.
    """
    # As root Celery warns of pickled messages; ours are JSON, and nothing else is taken.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    app, page = create_worker(settings), Page(settings.metrics, counted_in)
    sweeper = sweep.Sweep(settings, create_producer(settings.queue))
    ended = list[int]()
    connected = [
        (setup_logging, lambda **_: logs.configure(settings.log_format)),
        (worker_process_init, project.forget_inherited_connections),
        (worker_process_init, _collect_garbage_seldom),
        (worker_process_init, page.leave_to_parent),
        (worker_ready, sweeper.start),
        (worker_ready, page.start),
        (worker_shutting_down, sweeper.stop),
        (worker_shutting_down, pool.stop),
        (worker_shutdown, lambda sender, **_: ended.append(sender.exitcode or 0)),
        *(_traced() if settings.traces else []),
        (worker_process_shutdown, pool.leave),
    ]
    for signal, receiver in connected:
        signal.connect(receiver, weak=False)
    program.safe_say = _say
    app.worker_main(["--quiet", "worker", f"--concurrency={concurrency}", "--loglevel=WARNING", *_ALONE])
    page.stop()
    traces.stop()
    pool.leave(exitcode=max(ended, default=0))


def _say(said: str, *_: object) -> None:
    """Log what Celery would print, by a thread: it does so in signal handlers, which may have interrupted a log."""
    Thread(target=log.info, args=("%s", said), daemon=True).start()


def _traced() -> list[tuple[Any, Callable[..., None]]]:
    """Each process of a worker sends its own spans: what sends them does not outlive a fork."""
    start = partial(traces.start, "tandem-worker")
    return [(worker_ready, start), (worker_process_init, start), (worker_process_shutdown, traces.stop)]


def _app(queue: QueueSettings, settings: dict[str, Any]) -> Celery:
    app = Celery("tandem", broker=queue.broker_url, amqp=_Messages, set_as_current=False)
    app.conf.update(_BOTH | settings)
    return app


def _collect_garbage_seldom(**_: object) -> None:
    """Look for cycles four hundred times less often: rows have none, and the search took a fifth of the time.

    A batch of a rebuild has fewer objects than that.
    """
    gc.freeze()
    gc.set_threshold(300_000, 10, 10)
