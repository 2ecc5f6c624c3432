"""The hourly task: delete receipts that no sender will come back for."""

from collections.abc import Callable
from datetime import timedelta
from time import monotonic

import redis
from celery import Celery

from domain import receipts
from domain.database import maintenance_engine
from domain.settings import WriteSettings

PRUNE = "tandem.prune_receipts"

# What sends a command again on its own does so for hours or days: a phone that was off over a holiday, a queue that was
# stopped for an incident, a partner's files of last month. Whoever comes later than this is a new request.
KEPT = timedelta(days=30)
BATCH = 10_000
EVERY = timedelta(hours=1)
SENT = "tandem:receipts-pruned"
_SECONDS = 10.0
Send = Callable[[], None]


def task(settings: WriteSettings) -> Callable[..., None]:
    """Return the function that Celery runs. It ignores arguments that it does not know: a newer sender's."""

    def prune_receipts(**_: object) -> None:
        prune(settings)

    return prune_receipts


def prune(settings: WriteSettings, *, batch: int = BATCH, seconds: float = _SECONDS) -> int:
    """Delete old receipts batch by batch, until there are no more or time is over; return how many it were.

    What time was too short for is left to the next hour.
    """
    until, pruned = monotonic() + seconds, 0
    with maintenance_engine(settings.database_url).connect() as connection:
        while (found := receipts.prune(connection, older_than=KEPT, limit=batch)) == batch and monotonic() < until:
            pruned += found
    return pruned + found


def sender(producer: Celery, client: redis.Redis) -> Send:
    """Return a function that enqueues the task: once an hour, by whom and as often as it may be called."""

    def send() -> None:
        if client.set(SENT, 1, nx=True, ex=EVERY):
            producer.send_task(PRUNE, retry=False)

    return send
