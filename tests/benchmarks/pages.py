"""Pages: the first page of all orders and the thousandth, by cursor, over a million orders; both cost the same."""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any

import orjson
import uvloop
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from tests.benchmarks.load import Answer, check, closed_loop, connections, graphql
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Line, Result, compared
from tests.benchmarks.shop import staff_token
from tests.benchmarks.stage import stage
from tests.support import many_orders

ORDERS = 1_000_000
PAGE, SIZE = 1_000, 20
_MOST = 100  # rows that one page may have
_SHARE = 0.25  # many short turns: a busy machine is busy for both
_TURNS = 4
_DOCUMENT = """
query Orders($where: OrderFilter, $by: OrderSort, $first: Int!, $after: String) {
  orders(where: $where, orderBy: $by, first: $first, after: $after) {
    nodes { number userName userEmail total { amount } itemCount itemNames status createdAt id }
    pageInfo { hasPreviousPage hasNextPage endCursor }
  }
}
"""
_LISTS: dict[str, dict[str, Any]] = {
    "newest first": {},
    "dearest first": {"by": {"field": "TOTAL", "direction": "DESC"}},
    "longest untouched, of three statuses": {
        "by": {"field": "UPDATED_AT", "direction": "ASC"},
        "where": {"status": ["PENDING", "PAID", "CANCELLED"]},
    },
}


def measure(plan: Plan) -> Result:
    with stage() as at:
        plan.say(f"pages, writing {ORDERS:,} orders")
        url = make_url(at.stores.read_url).set(drivername="postgresql+psycopg")
        with create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
            many_orders.fill(connection, ORDERS)
        with at.api() as port:
            pairs = {name: _pair(port, given) for name, given in _LISTS.items()}
            rates: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in pairs}
            for _ in plan.each_round("pages"):
                for name, requests in pairs.items():
                    _alternate(port, requests, rates[name], plan.seconds * _SHARE)
    lines = [_line(name, *measured) for name, measured in rates.items()]
    title = f"pages: page {PAGE:,} of {SIZE} orders against page 1, of {ORDERS:,} orders, one connection"
    return Result(title=title, rounds=len(rates["newest first"][0]), lines=lines)


def _line(name: str, first: Sequence[float], far: Sequence[float]) -> Line:
    return compared(f"{name}, pages/s", far, first, "page 1", aim="0.77 or more")


def _alternate(port: int, requests: Sequence[bytes], into: tuple[list[float], list[float]], seconds: float) -> None:
    turns = [[_rate(port, request, seconds / _TURNS) for request in requests] for _ in range(_TURNS)]
    for rates, measured in zip(into, zip(*turns, strict=True), strict=True):
        rates.append(sum(measured) / _TURNS)


def _rate(port: int, request: bytes, seconds: float) -> float:
    return uvloop.run(closed_loop(port, repeat(request), _is_full, clients=1, seconds=seconds)).rate


def _pair(port: int, given: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return the request of the first page of a list, and that of a page far down."""
    far = uvloop.run(_cursor(port, given, rows=(PAGE - 1) * SIZE))
    return _request(given, SIZE, None), _request(given, SIZE, far)


async def _cursor(port: int, given: dict[str, Any], *, rows: int) -> str:
    """Return the cursor behind so many rows, by going there."""
    cursor = None
    async with connections(port, 1) as [connection]:
        for size in _sizes(rows):
            answer = await connection.ask(_request(given, size, cursor))
            check(answer, lambda answer: answer.status == 200 and b'"errors"' not in answer.body)
            cursor = orjson.loads(answer.body)["data"]["orders"]["pageInfo"]["endCursor"]
    return str(cursor)


def _sizes(rows: int) -> Iterator[int]:
    yield from repeat(_MOST, rows // _MOST)
    if rows % _MOST:
        yield rows % _MOST


def _request(given: dict[str, Any], size: int, cursor: str | None) -> bytes:
    return graphql(_DOCUMENT, {**given, "first": size, "after": cursor}, token=staff_token())


def _is_full(answer: Answer) -> bool:
    return answer.status == 200 and answer.body.count(b'"number"') == SIZE and b'"errors"' not in answer.body
