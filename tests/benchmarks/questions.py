"""What is asked for the reads claim: the same of all, of each in its own words; and their answers in one form."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle
from typing import Any
from uuid import UUID

from tests.benchmarks.load import Answer, get, graphql
from tests.benchmarks.shop import staff_token, user_id

USERS = 50
SIZE = 20
SIZE_WITH_ITEMS = 100
_FIELDS = "number userName userEmail total { amount } itemCount itemNames status createdAt id"
_ITEMS = "items { productId name quantity unitPrice { amount } lineTotal { amount } }"
_PAGE = """
query UserOrders($userId: ID!, $first: Int!) {
  %s: userOrders(userId: $userId, first: $first) {
    nodes { %s }
  }
}
"""
_ORDER = "query Order($id: ID!) { order(id: $id) { %s } }"
_ALIAS = "userOrders00000000"
# PostGraphile names fields as it finds tables and columns; each document asks for what ours does.
_POSTGRAPHILE_ON_THE_VIEW = """
query UserOrders($userId: UUID!, $first: Int!) {
  allUserOrdersViews(condition: {userId: $userId}, first: $first, orderBy: [CREATED_AT_DESC, ORDER_ID_DESC]) {
    nodes { number userName userEmail total itemCount itemNames status createdAt orderId }
  }
}
"""
_POSTGRAPHILE_ON_TABLES = """
query UserOrders($userId: UUID!, $first: Int!) {
  allOrders(condition: {userId: $userId}, first: $first, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) {
    nodes {
      number total status createdAt rowId
      userByUserId { name email }
      orderItemsByOrderId(orderBy: LINE_ASC) { nodes { name } }
    }
  }
}
"""

Row = dict[str, Any]


def _as_ours(row: Row) -> Row:
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Requests without an end, for so many rows each; `told` puts a row as ours has it."""

    requests: Iterator[bytes]
    rows: int
    told: Callable[[Row], Row] = _as_ours

    def is_answered(self, answer: Answer) -> bool:
        found = answer.body.count(b'"number"')
        return answer.status == 200 and found == self.rows and b'"errors"' not in answer.body

    def read(self, data: dict[str, Any]) -> list[Row]:
        """Return the rows of an answer, in the form in which those of all sides are alike."""
        [root] = data.values()
        rows = [self.told(row) for row in root.get("nodes", [root])]
        return [row | {"createdAt": datetime.fromisoformat(row["createdAt"])} for row in rows]


def page() -> Question:
    return _pages(_PAGE % ("userOrders", _FIELDS), SIZE)


def page_with_items() -> Question:
    return _pages(_PAGE % ("userOrders", f"{_FIELDS} {_ITEMS}"), SIZE_WITH_ITEMS)


def unseen_page() -> Question:
    """Ask by a document that was not asked before, each time."""
    asked = _pages(_PAGE % (_ALIAS, _FIELDS), SIZE)
    named = (request.replace(_ALIAS.encode(), b"userOrders%08d" % n) for n, request in enumerate(asked.requests))
    return Question(requests=named, rows=SIZE)


def order(orders: Sequence[UUID]) -> Question:
    token = staff_token()
    return Question(
        requests=cycle([graphql(_ORDER % _FIELDS, {"id": str(each)}, token=token) for each in orders]), rows=1
    )


def page_by_hand() -> Question:
    return Question(requests=_by_hand("orders", SIZE), rows=SIZE)


def page_with_items_by_hand() -> Question:
    return Question(requests=_by_hand("orders-with-items", SIZE_WITH_ITEMS), rows=SIZE_WITH_ITEMS)


def order_by_hand(orders: Sequence[UUID]) -> Question:
    return Question(requests=cycle([get(f"/orders/{each}") for each in orders]), rows=1)


def postgraphile_on_the_view() -> Question:
    def told(row: Row) -> Row:
        return row | {"id": row.pop("orderId"), "total": {"amount": row["total"]}, "status": row["status"].upper()}

    return _pages(_POSTGRAPHILE_ON_THE_VIEW, SIZE, told)


def postgraphile_on_tables() -> Question:
    def told(row: Row) -> Row:
        user, items = row.pop("userByUserId"), row.pop("orderItemsByOrderId")["nodes"]
        return row | {
            "id": row.pop("rowId"),
            "userName": user["name"],
            "userEmail": user["email"],
            "total": {"amount": row["total"]},
            "itemCount": len(items),
            "itemNames": ", ".join(item["name"] for item in items),
            "status": row["status"].upper(),
        }

    return _pages(_POSTGRAPHILE_ON_TABLES, SIZE, told)


def _pages(document: str, size: int, told: Callable[[Row], Row] = _as_ours) -> Question:
    token = staff_token()
    requests = [graphql(document, {"userId": str(user), "first": size}, token=token) for user in _users()]
    return Question(requests=cycle(requests), rows=size, told=told)


def _by_hand(what: str, size: int) -> Iterator[bytes]:
    return cycle([get(f"/users/{user}/{what}?first={size}") for user in _users()])


def _users() -> list[UUID]:
    """Return all users, in an order that is the same for all sides."""
    return [user_id(number) for number in random.Random(SIZE).sample(range(1, USERS + 1), USERS)]
