"""A log of any age, made by SQL in seconds: orders of three lines of which one was changed again and again.

Rows, events and heads are what commands would have left, without receipts, which do not stay as the log does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg

from tests.benchmarks import shop
from tests.benchmarks.stage import StageError

CHANGED = shop.product_id(1)  # each order has one of it, after any even number of events
_PRODUCTS = [shop.product_id(number) for number in range(1, shop.LINES + 1)]
_APPEND = (Path(__file__).parent / "aged_orders.sql").read_text()
_COUNT_AND_FLAWS = """
    select (select count(*) from events),
           (select count(*) from log_heads where position != (
               select count(*) from events where events.partition = log_heads.partition)),
           (select count(*) from (
               select from events group by partition having max(position) != count(*) or min(position) != 1) gaps),
           (select count(*) from (
               select from events group by stream_id having max(version) != count(*) or min(version) != 1) gaps),
           (select count(*) from orders where version != (
               select max(version) from events where stream_id = orders.id))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """So many orders, each with so many events, which is an even number."""

    count: int
    events: int


def append(url: str, groups: Sequence[Orders]) -> None:
    """Append one group of orders after the other to the log of an open shop, and let PostgreSQL settle."""
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute("set session_replication_role = replica")  # spares looking foreign keys up: they hold
        for group in groups:
            with connection.transaction():
                connection.execute(
                    _APPEND,
                    {"orders": group.count, "events": group.events, "users": shop.USERS, "products": _PRODUCTS},
                )
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def orders(url: str, group: Orders) -> list[UUID]:
    """Return the orders of a group, neighbours in the table."""
    with psycopg.connect(url) as connection:
        found = connection.execute("select id from orders where version = %s order by id", [group.events])
        return [row[0] for row in found]


def count(url: str) -> int:
    """Return how many events a log has; raise StageError unless it is one that commands could have written."""
    with psycopg.connect(url) as connection:
        [(events, *flaws)] = connection.execute(_COUNT_AND_FLAWS).fetchall()
    if any(flaws):
        raise StageError(f"Heads, partitions, streams and orders that do not fit the log: {flaws}.")
    return int(events)
