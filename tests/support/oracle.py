"""The oracle: whether all that was acknowledged happened, once, in the log, in the write store and in the read tables.

It asks a Tandem that is level and that nobody writes to.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.support import tables
from tests.support.running import Tandem
from tests.support.traffic import Traffic

Rows = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`lost`: acknowledged and not in the log, or in the log and not in its row; `doubled`: there more than once."""

    acknowledged: int
    events: int
    lost: int
    doubled: int
    complaints: list[str]

    @property
    def flawless(self) -> bool:
        return (self.lost, self.doubled, self.complaints) == (0, 0, [])


def verdict(tandem: Tandem, traffic: Traffic) -> Verdict:
    write_url, read_url = tandem.running.where.write_url, tandem.running.where.read_url
    shown, folded = tables.read_tables(read_url), tables.folded(tandem.log)
    told, written = _timelines(shown["user_orders_view"]), _versions(write_url)
    keys, accepted = _keys(write_url), traffic.accepted()
    return Verdict(
        acknowledged=len(accepted),
        events=sum(tables.heads(tandem.log).values()),
        lost=len(accepted - keys.keys()) + len(written - told.keys()),
        doubled=_more_than_once(keys) + _more_than_once(told),
        complaints=[
            *(f"{key} was refused, and is in the log" for key in traffic.refused() & keys.keys()),
            *(f"{command.field} was never answered" for command in traffic.unanswered()),
            *_holes(write_url),
            *_differences("the fold of the log and the read tables", folded, shown),
            *_differences("the write store and the read tables", *_both_stores(write_url, shown)),
            *_set_aside(read_url),
            *(f"{place} is halted: {reason}" for place, reason in tables.halted(read_url).items()),
        ],
    )


def _more_than_once(found: Counter[Any]) -> int:
    return sum(times - 1 for times in found.values())


def _keys(write_url: str) -> Counter[str]:
    """Count the events of each idempotency key."""
    counted = "select metadata ->> 'idempotencyKey' as key, count(*) as times from events group by 1"
    return Counter({row["key"]: row["times"] for row in _ask(write_url, counted) if row["key"] is not None})


def _versions(write_url: str) -> set[tuple[str, int]]:
    found = _ask(write_url, "select stream_id::text as id, version from events where stream_type = 'order'")
    return {(row["id"], row["version"]) for row in found}


def _timelines(orders: Rows) -> Counter[tuple[str, int]]:
    """Count how often each event of an order was applied to its row: it keeps a line of each."""
    return Counter((order, line["version"]) for order, row in orders.items() for line in row["timeline"])


def _holes(write_url: str) -> list[str]:
    """Say where positions or versions do not count from 1 without a gap, each with one event."""
    partitions = _ask(
        write_url,
        """
        select h.partition, h.position as head, count(e.position) as events, coalesce(max(e.position), 0) as last
        from log_heads h left join events e using (partition) group by 1, 2
        having count(e.position) <> h.position or coalesce(max(e.position), 0) <> h.position
        """,
    )
    streams = _ask(
        write_url,
        """
        select stream_id, count(*) as events, min(version) as first, max(version) as last from events group by 1
        having min(version) <> 1 or max(version) <> count(*) or count(distinct partition) <> 1
        """,
    )
    return [f"the log has holes: {dict(row)}" for row in [*partitions, *streams]]


def _set_aside(read_url: str) -> list[str]:
    found = _ask(read_url, "select projection, stream_id, event, error from quarantine")
    return [f"in quarantine: {dict(row)}" for row in found]


def _both_stores(write_url: str, shown: Mapping[str, Rows]) -> tuple[dict[str, Rows], dict[str, Rows]]:
    """Return what both sides know, in the same words: what the write store's rows say, and what the read tables do."""
    wanted = {
        "users_view": "select id, name, email, version from users",
        "user_orders_view": "select id, number, user_id, total, status, payment_reference, version from orders",
        "products_view": "select id, sku, name, price, stock, retired, version from products",
    }
    written = {name: _by_id(_ask(write_url, query)) for name, query in wanted.items()}
    return written, {name: {key: _in_common(name, row) for key, row in shown[name].items()} for name in wanted}


def _in_common(name: str, row: Rows) -> dict[str, Any]:
    match name:
        case "users_view":
            return {"id": row["user_id"], **_some(row, "name", "email", "version")}
        case "user_orders_view":
            names = ("number", "user_id", "total", "status", "payment_reference", "version")
            return {"id": row["order_id"], **_some(row, *names)}
    stock = None if row["stocked"] is None else row["stocked"] - row["units_sold"]
    return {"id": row["product_id"], **_some(row, "sku", "name", "price", "retired", "version"), "stock": stock}


def _some(row: Rows, *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _by_id(rows: Iterable[Rows]) -> dict[str, Any]:
    return {str(row["id"]): json.loads(json.dumps(row, default=str)) for row in rows}


def _differences(what: str, one: Mapping[str, Rows], other: Mapping[str, Rows], *, most: int = 3) -> list[str]:
    found = [
        f"{what} differ in {name} {key}: {_differing(one[name].get(key), other[name].get(key))}"
        for name in one
        for key in sorted({*one[name], *other[name]})
        if one[name].get(key) != other[name].get(key)
    ]
    return found if len(found) <= most else [*found[:most], f"{what} differ in {len(found)} rows"]


def _differing(one: Rows | None, other: Rows | None) -> str:
    if one is None or other is None:
        return "there is no such row on one side"
    return str({name: (one[name], other[name]) for name in one if one[name] != other[name]})


def _ask(url: str, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(query.encode()).fetchall()
