"""How PostgreSQL reads the lists that are offered: by an index, in its order, and no more of it than a page needs.

Shown on a table of 200,000 orders, most of them delivered, a handful of them open.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, Select, create_engine, make_url, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.pool import NullPool

from api.settings import Settings
from projections.keyset import Keyset, Slice, cut
from projections.search import words_of
from projections.views.user_orders_view import NEWEST_FIRST, UserOrdersView, Wanted, matching
from tests.support import databases

SIZE = 200_000
PAGE = 20
OPENING = datetime(2026, 1, 1, tzinfo=UTC)
USER = UUID(int=42)
FILL = text("""
    insert into user_orders_view (
        order_id, number, user_id, user_name, user_email, total, currency, item_count, item_names, items, status,
        created_at, updated_at, version, stale, timeline, log_position
    )
    select lpad(to_hex(n), 32, '0')::uuid, (100000 + n)::text, lpad(to_hex(n % 500), 32, '0')::uuid,
        (array['Ada', 'Grace', 'Alan', 'Barbara'])[1 + n % 4] || ' '
            || (array['Lovelace', 'Hopper', 'Turing', 'Liskov'])[1 + n / 4 % 4],
        'buyer' || n % 500 || '@example.com', (n * 7919 % 100000) / 100.0, 'USD', 1,
        (array['Chai', 'Aniseed Syrup', 'Ikura', 'Tofu', 'Pavlova'])[1 + n % 5]
            || case when n % 20011 = 0 then ', Zaanse koeken' else '' end,
        '[]',
        case when n % 2000 = 0 then 'pending' when n % 2000 = 1 then 'paid' when n % 20 = 3 then 'cancelled'
            else 'delivered' end,
        :opening + n * interval '1 second', :opening + (n * 104729 % :size) * interval '1 second', 1, false, '[]', n
    from generate_series(1, cast(:size as bigint)) n
""")


@pytest.fixture(scope="module")
def filled(settings: Settings) -> Iterator[Engine]:
    with databases.fresh(settings) as own:
        url = make_url(own.read.database_url).set(drivername="postgresql+psycopg")
        engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            fill(connection)
        yield engine


def fill(connection: Connection) -> None:
    """Fill the table, its indexes afterwards, which is much faster."""
    indexes = UserOrdersView.__table__.indexes  # type: ignore[attr-defined]
    for index in indexes:
        index.drop(connection)
    connection.execute(FILL, {"opening": OPENING, "size": SIZE})
    for index in indexes:
        index.create(connection)
    connection.execute(text("analyze user_orders_view"))


def plan(engine: Engine, statement: Select[Any]) -> list[dict[str, Any]]:
    """Run a statement and return the nodes of its plan."""
    literal = statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    with engine.connect() as connection:
        [[explained]] = connection.exec_driver_sql(f"explain (analyze, format json) {literal}").all()
    return list(nodes(explained[0]["Plan"]))


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)


def page(wanted: Wanted, keyset: Keyset, **where: Any) -> Select[Any]:
    return cut(matching(wanted), keyset, Slice(limit=PAGE, **where), beyond=True)


def scanned(found: list[dict[str, Any]]) -> list[str]:
    return [node["Node Type"] for node in found if node.get("Relation Name")]


def sorted_rows(found: list[dict[str, Any]]) -> int:
    """Return how many rows had to be sorted at most."""
    sorts = [node for node in found if "Sort" in node["Node Type"]]
    return max((int(child["Actual Rows"]) for node in sorts for child in node["Plans"]), default=0)


def rows_read(found: list[dict[str, Any]]) -> int:
    return sum(map(_read, [node for node in found if node.get("Relation Name")]))


def _read(node: dict[str, Any]) -> int:
    return round(node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)))


SORTS = {
    f"{column.key} {'desc' if descending else 'asc'}": Keyset(column, UserOrdersView.order_id, descending=descending)
    for column in (UserOrdersView.created_at, UserOrdersView.total, UserOrdersView.updated_at)
    for descending in (False, True)
}
FILTERS = {
    "no filter": Wanted(),
    "a user": Wanted(user_id=USER),
    "one status": Wanted(statuses=("pending",)),
    "the open ones": Wanted(statuses=("paid", "pending")),
    "most statuses": Wanted(statuses=("cancelled", "delivered", "paid", "pending", "refunded", "shipped")),
    "a user's of some statuses": Wanted(user_id=USER, statuses=("cancelled", "paid")),
    "a word in many": Wanted(words=words_of("chai")),
    "a name in many": Wanted(words=words_of("ada lovelace")),
    "letters in many": Wanted(words=words_of("a t")),
    "open ones with a word": Wanted(statuses=("paid", "pending"), words=words_of("chai")),
    "a user's with a word": Wanted(user_id=USER, words=words_of("ikura")),
    "most of a day": Wanted(created_from=OPENING + timedelta(hours=3), created_before=OPENING + timedelta(hours=40)),
    "most amounts": Wanted(total_from=Decimal(100), total_to=Decimal(800)),
}
# What finds a handful of rows: they may be sorted, since they are no more than that.
RARE = {
    "a rare word": Wanted(words=words_of("zaanse")),
    "two rare words": Wanted(words=words_of("koeken Zaanse")),
    "a number": Wanted(words=words_of("234567")),
    "a word in none": Wanted(words=words_of("qqqq")),
    "letters that begin no word": Wanted(words=words_of("qx")),
    "a rare word in one status": Wanted(statuses=("delivered",), words=words_of("zaanse")),
    "a few seconds": Wanted(
        created_from=OPENING + timedelta(hours=3), created_before=OPENING + timedelta(hours=3, seconds=9)
    ),
    "one amount": Wanted(total_from=Decimal("79.19"), total_to=Decimal("79.19")),
}


class TestAPage:
    @pytest.mark.parametrize("sort", SORTS)
    @pytest.mark.parametrize("which", FILTERS)
    def test_is_read_in_the_order_of_an_index(self, filled: Engine, which: str, sort: str) -> None:
        found = plan(filled, page(FILTERS[which], SORTS[sort]))
        assert "Seq Scan" not in scanned(found)
        assert sorted_rows(found) <= PAGE + 1
        assert rows_read(found) < SIZE / 50

    @pytest.mark.parametrize("sort", SORTS)
    @pytest.mark.parametrize("which", RARE)
    def test_of_few_rows_reads_no_others(self, filled: Engine, which: str, sort: str) -> None:
        found = plan(filled, page(RARE[which], SORTS[sort]))
        assert "Seq Scan" not in scanned(found)
        assert sorted_rows(found) <= PAGE + 1
        assert rows_read(found) <= PAGE + 1

    @pytest.mark.parametrize("way", ["after", "before"])
    @pytest.mark.parametrize("which", ["no filter", "a user", "the open ones"])
    def test_far_down_is_read_like_the_first(self, filled: Engine, which: str, way: str) -> None:
        middle = OPENING + timedelta(seconds=SIZE // 2), UUID(int=SIZE // 2)
        found = plan(filled, page(FILTERS[which], NEWEST_FIRST, **{way: middle}, backward=way == "before"))
        assert "Seq Scan" not in scanned(found)
        assert sorted_rows(found) <= PAGE + 1
        assert rows_read(found) <= 2 * (PAGE + 2)

    def test_would_be_seen_without_its_index(self, filled: Engine) -> None:
        unindexed = Keyset(UserOrdersView.item_names, UserOrdersView.order_id)
        found = plan(filled, page(Wanted(), unindexed))
        assert "Seq Scan" in scanned(found)
        assert sorted_rows(found) > PAGE + 1
        assert rows_read(found) >= SIZE
