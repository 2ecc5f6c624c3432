"""How far projections are behind the log: head minus checkpoint, exact, without counting."""

from collections.abc import Iterable

from sqlalchemy import Engine

from domain import event_log
from projections import checkpoints


def partitions_behind(*, log: Engine, read: Engine, names: Iterable[str]) -> list[int]:
    """Return the partitions with events that one of these projections has not applied."""
    with log.connect() as connection:
        heads = event_log.heads(connection)
    with read.connect() as connection:
        reached = checkpoints.slowest(connection, names)
    return [partition for partition, head in heads.items() if head > reached.get(partition, 0)]
