"""Who may do what to the stores: reads without a join, and transactions at the edge alone."""

import ast
import re
from collections.abc import Callable, Iterator

import pytest

from tests.support.sources import PACKAGES, sources

JOINING = {"join", "outerjoin", "join_from", "outerjoin_from", "relationship", "joinedload", "selectinload"}
JOIN_IN_SQL = re.compile(r"\bjoin\b|\bfrom\s+\w+(\s+\w+)?\s*,", re.IGNORECASE)
# Where a transaction opens, and whose it is. It commits where its `with` ends, so nobody says commit.
TRANSACTIONS = {
    "api/history.py": "a look at the log, over a connection of commands",
    "domain/bus.py": "a command",
    "domain/roles.py": "the roles of a store, with their rights",
    "domain/schema.py": "a store's migrations",
    "projections/database.py": "a new projection's checkpoints",
    "projections/rebuild.py": "a table beside the one that is shown: made, filled up, put in its place",
    "projections/retry.py": "what was set aside, applied and taken back",
    "projections/runner.py": "a batch of events: its rows and its checkpoint",
}


def calls(source: str) -> Iterator[tuple[ast.Call, str]]:
    """Return every call, with the name that is called."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)):
                yield node, name


def joins(source: str) -> list[int]:
    """Return the lines on which more than one table is read at once."""
    return [call.lineno for call, name in calls(source) if _joins(call, name)]


def _joins(call: ast.Call, name: str) -> bool:
    match name, call.func:
        case "join", ast.Attribute(value=ast.Constant(value=str())):
            return False  # ", ".join(names)
        case "select_from", _:
            return len(call.args) > 1
        case "text", _:
            return any(JOIN_IN_SQL.search(part) for part in _strings(call))
    return name in JOINING


def _strings(call: ast.Call) -> Iterator[str]:
    for node in ast.walk(call):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def commits(source: str) -> list[int]:
    return [call.lineno for call, name in calls(source) if name in {"commit", "begin_nested"}]


def transactions(source: str) -> list[int]:
    """Return the lines on which a transaction is entered."""
    return [
        item.context_expr.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.With | ast.AsyncWith)
        for item in node.items
        if isinstance(item.context_expr, ast.Call)
        and getattr(item.context_expr.func, "attr", "") in {"begin", "transaction"}
    ]


def found(rule: Callable[[str], list[int]], *places: str) -> dict[str, list[int]]:
    lines = {path: rule(text) for path, text in sources(*places).items()}
    return {path: numbers for path, numbers in lines.items() if numbers}


class TestReads:
    def test_know_no_join(self) -> None:
        assert found(joins, "projections/views", "api/queries", "api/subscriptions", "api/types") == {}

    @pytest.mark.parametrize(
        "source",
        [
            "select(Order).join(User)",
            "select(Order).outerjoin(User, full=True)",
            "select(Order).join_from(Order, User)",
            "join(orders, users)",
            "select(Order).options(joinedload(Order.user))",
            "user = relationship(User)",
            "select(Order).select_from(Order, User)",
            "text('select * from orders JOIN users using (user_id)')",
            "text(f'select {columns} from orders o left join users u')",
            "text('select * from orders, users')",
            "text('select * from orders o, users u')",
        ],
    )
    def test_would_show_a_join(self, source: str) -> None:
        assert joins(source) == [1]

    @pytest.mark.parametrize(
        "source",
        [
            "', '.join(names)",
            "field(description='no join, joined beforehand')",
            "select(Order).select_from(Order)",
            "text('select name, joined_at from users order by name, id')",
        ],
    )
    def test_may_join_what_is_no_table(self, source: str) -> None:
        assert joins(source) == []


class TestTransactions:
    def test_are_committed_by_nobody_but_their_end(self) -> None:
        assert set(found(commits, *PACKAGES)) == {
            "domain/database.py",  # the pool, which ends what the bus opens
            "projections/batch.py",  # savepoints, to find what the store does not take
        }

    def test_open_where_this_list_says_and_nowhere_else(self) -> None:
        assert set(found(transactions, *PACKAGES)) == set(TRANSACTIONS)

    @pytest.mark.parametrize("source", ["await connection.commit()", "session.commit()", "connection.begin_nested()"])
    def test_would_show_a_commit(self, source: str) -> None:
        assert commits(f"async def f():\n  {source}") == [2]

    @pytest.mark.parametrize(
        ("source", "lines"),
        [
            ("async with engine.begin() as c: pass", [1]),
            ("with open(x) as file, self._read.begin() as read: pass", [1]),
            ("part.begin()", []),
            ("with engine.connect() as c: pass", []),
        ],
    )
    def test_would_show_where_one_opens(self, source: str, lines: list[int]) -> None:
        text = f"async def f():\n  {source}"
        assert transactions(text) == [number + 1 for number in lines]
