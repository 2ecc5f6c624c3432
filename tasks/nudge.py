"""Nudges: "this partition has something new", sent in the background so that no command waits or fails for them."""

import logging
from collections.abc import Callable, Iterable
from threading import Condition, Thread
from time import sleep, time

import redis

from domain.event_log import PARTITIONS
from tasks.logs import OnceAMinute

log = logging.getLogger(__name__)

_DUE = "tandem:due"  # the partitions that have something new, in the order in which that was noted
_NUDGED = "tandem:nudged"  # there is a task that takes them, or a message on its way to one
# How long no message is sent where the task that clears the mark never runs, or dies. A loss costs this much.
_NUDGED_MILLISECONDS = 1000
_PAUSE_SECONDS = 0.5
# Between two messages, so that under load one takes the partitions of many commands. The first of a burst never waits.
_GATHER_SECONDS = 0.003
Send = Callable[[Iterable[int]], bool]
"""Sends partitions; returns whether that took a message, or one was on its way already."""


def sender(client: redis.Redis, enqueue: Callable[[], object]) -> Send:
    """Return a function that notes partitions, and enqueues the task unless one is there, or on its way, already.

    So the busier the workers are, the more partitions one task takes, and the less each of them costs.
    """

    def send(partitions: Iterable[int]) -> bool:
        with client.pipeline(transaction=False) as pipeline:
            pipeline.zadd(_DUE, dict.fromkeys(map(str, partitions), time()), nx=True)
            pipeline.set(_NUDGED, 1, nx=True, px=_NUDGED_MILLISECONDS)
            _, is_first = pipeline.execute()
        if is_first:
            enqueue()
        return bool(is_first)

    return send


def take(client: redis.Redis, *, most: int, wait: float = 0) -> list[int]:
    """Return partitions that were noted, waiting so many seconds for the first; none where Redis is gone.

    Who waits comes back for more, so meanwhile no message is sent; `wait` is below how long the mark of that lasts.
    Who does not is there for the last time: what is noted from then on has a message of its own.
    """
    try:
        with client.pipeline(transaction=False) as pipeline:
            if wait:
                pipeline.set(_NUDGED, 1, px=_NUDGED_MILLISECONDS)
                pipeline.bzmpop(wait, 1, [_DUE], min=True, count=most)
            else:
                pipeline.delete(_NUDGED)
                pipeline.zmpop(1, [_DUE], min=True, count=most)
            _, found = pipeline.execute()
    except (redis.RedisError, OSError):
        return []
    taken = [partition for partition, _ in found[1]] if found else []
    return [int(partition) for partition in taken if partition.isdigit() and int(partition) < PARTITIONS]


class Nudger:
    """Collects partitions and sends them from one thread; at most 64 wait, whatever happens to Redis."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: set[int] = set()
        self._asked = 0
        self.counts = {"sent": 0, "coalesced": 0, "failed": 0}
        """How many took a message, needed none since a task was there or on its way, or were dropped."""
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
            if not self._waiting:  # else the thread knows
                self._changed.notify()
            self._waiting.add(partition)
            self._asked += 1

    def _run(self) -> None:
        warn = OnceAMinute(log, "nudges_left_to_the_sweep")
        while (taken := self._next())[0]:
            wanted, asked = taken
            try:
                sent = int(self._send(wanted))
                self.counts["sent"] += sent
                self.counts["coalesced"] += asked - sent
                sleep(_GATHER_SECONDS)
            except Exception as error:  # noqa: BLE001 - whatever Celery, kombu or Redis raise, this thread goes on
                # Dropped: the sweep finds these partitions. The pause keeps a dead broker from costing a core.
                self.counts["failed"] += asked
                warn(error)
                with self._changed:
                    self._changed.wait_for(lambda: self._stopped, timeout=_PAUSE_SECONDS)

    def _next(self) -> tuple[set[int], int]:
        """Wait for partitions, and take them with how often they were asked for; none once stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopped)
            taken = self._waiting, self._asked
            self._waiting, self._asked = set(), 0
            return taken
