"""The processes of a worker. Asked to stop, it ends as soon as the tasks that they have begun are done.

Celery's own way out waits for the clock three times where nothing is left to wait for.
"""

import os
import sys
from multiprocessing import RawValue
from threading import Thread
from typing import Any

from celery.concurrency.prefork import TaskPool
from kombu.asynchronous import get_event_loop

_stopping = RawValue("b", 0)  # in memory that children share


class Pool(TaskPool):
    _pool: Any

    def on_stop(self) -> None:
        """Let tasks end, then processes. The base keeps a clock for heartbeats and acknowledgements; here are none."""
        if self._pool is not None:
            self._pool.close()
            self._pool.join()
            self._pool = None


def is_stopping() -> bool:
    """Return whether this process, or the worker that it is a child of, was asked to stop."""
    return bool(_stopping.value)


def stop(**_: object) -> None:
    """Tell children, and have the worker look up from its wait for messages, which a signal alone does not end."""
    _stopping.value = 1
    if loop := get_event_loop():
        # By a thread: we may be in a signal handler, which interrupted whoever holds the lock that this takes.
        Thread(target=loop.call_soon, args=(_nothing,), daemon=True).start()


def leave(*, exitcode: int, **_: object) -> None:
    """End this process, whose work is done. A child would take a second over its farewell, Python half of one."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exitcode)


def _nothing() -> None:
    pass
