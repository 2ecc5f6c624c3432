"""Nudges: "this partition has something new", sent in the background so that no command waits or fails for them."""

import logging
from collections.abc import Callable, Iterable
from threading import Condition, Thread
from time import monotonic

import redis
from celery import Celery

log = logging.getLogger(__name__)

# How long a partition counts as nudged when the task that clears the mark never runs. A lost message costs this much.
_PENDING_MILLISECONDS = 1000
_PAUSE_SECONDS = 0.5
Send = Callable[[Iterable[int]], None]


def pending_key(partition: int) -> str:
    return f"tandem:nudged:{partition}"


def sender(producer: Celery, client: redis.Redis, task: str) -> Send:
    """Return a function that enqueues a task a partition, those left out that have one waiting already."""

    def send(partitions: Iterable[int]) -> None:
        wanted = list(partitions)
        with client.pipeline(transaction=False) as pipeline:
            for partition in wanted:
                pipeline.set(pending_key(partition), 1, nx=True, px=_PENDING_MILLISECONDS)
            free = pipeline.execute()
        for partition, is_free in zip(wanted, free, strict=True):
            if is_free:
                producer.send_task(task, kwargs={"partition": partition}, retry=False)

    return send


class Nudger:
    """Collects partitions and sends them from one thread; at most 64 wait, whatever happens to Redis."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: set[int] = set()
        self._changed = Condition()
        self._stopped = False
        self._thread = Thread(target=self._run, name="nudger", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, *, seconds: float = 1.0) -> None:
        """Send what waits, for `seconds` at most."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(seconds)

    def __call__(self, partition: int) -> None:
        """Ask for a partition to be projected soon. Takes microseconds and never fails."""
        with self._changed:
            self._waiting.add(partition)
            self._changed.notify()

    def _run(self) -> None:
        warned = -60.0
        while wanted := self._next():
            try:
                self._send(wanted)
            except Exception as error:  # noqa: BLE001 - whatever Celery, kombu or Redis raise, this thread goes on
                # Dropped: the sweep finds these partitions. The pause keeps a dead broker from costing a core.
                if monotonic() - warned > 60:  # noqa: PLR2004 - a warning a minute
                    log.warning("nudges are not sent, the sweep will find the events: %s", type(error).__name__)
                    warned = monotonic()
                with self._changed:
                    self._changed.wait_for(lambda: self._stopped, timeout=_PAUSE_SECONDS)

    def _next(self) -> set[int]:
        """Wait for partitions and take them; empty once stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopped)
            wanted, self._waiting = self._waiting, set()
            return wanted
