"""A worker as `tandem worker` starts it, with limits of a few seconds, and with folds of users_view that hang.

A user named after ENDLESS has a fold that does not return; one named after DEAF has one that takes no interruption.
"""

import os
import signal
import sys
from dataclasses import replace
from time import sleep

from api.settings import Settings
from domain.events import Event, UserRegistered
from projections.projection import Row
from projections.views import users_view
from tasks.settings import Limits

ENDLESS, DEAF = "Endless", "Deaf"
LIMITS = Limits(soft=2, idle=3, hard=4)
_PROJECTION = users_view.PROJECTION


def fold(row: Row | None, event: Event) -> Row | None:
    if isinstance(event.fact, UserRegistered) and event.fact.name in {ENDLESS, DEAF}:
        if event.fact.name == DEAF:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        while True:
            sleep(0.01)
    return _PROJECTION.fold(row, event)


def main() -> None:
    users_view.PROJECTION = replace(_PROJECTION, fold=fold)  # before the catalogue looks
    from tasks.app import run_worker  # noqa: PLC0415 - as said

    settings = replace(Settings.from_environment(os.environ).worker, limits=LIMITS)
    run_worker(settings, concurrency=int(sys.argv[1]))


if __name__ == "__main__":
    main()
