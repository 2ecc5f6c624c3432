"""How PostgreSQL reads the lists that are offered: by an index, in its order, and no more of it than a page needs.

Shown on a table of 200,000 orders, most of them delivered, a handful of them open.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, Select, create_engine, make_url, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.pool import NullPool

from api.settings import Settings
from projections.keyset import Keyset, Slice, beyond, cut
from projections.search import words_of
from projections.views import products_view, users_view
from projections.views.user_orders_view import NEWEST_FIRST, UserOrdersView, Wanted, last_changed, matching
from tests.support import databases, many_orders
from tests.support.many_orders import OPENING

SIZE = 200_000
PAGE = 20
USER = UUID(int=42)


# A hundredth of the products is retired, a tenth sold out.
USERS_AND_PRODUCTS = text("""
    with users as (
        insert into users_view (
            user_id, name, email, order_count, total_spent, currency, created_at, updated_at, version, log_position
        )
        select lpad(to_hex(n), 32, '0')::uuid, (array['Ada', 'Grace', 'Alan'])[1 + n % 3] || ' No. ' || n,
            'buyer' || n || '@example.com', 0, 0, 'USD', now() + n * interval '1 second', now(), 1, n
        from generate_series(1, cast(:size as bigint)) n
    )
    insert into products_view (
        product_id, sku, name, price, currency, stocked, retired, created_at, updated_at, version, log_position
    )
    select lpad(to_hex(n), 32, '0')::uuid, 'SKU-' || n, (array['Tea', 'Mug', 'Pot'])[1 + n % 3] || ' No. ' || n, 1,
        'USD', case when n % 10 = 0 then 0 end, n % 100 = 0, now(), now(), 1, n
    from generate_series(1, cast(:size as bigint)) n
""")


@pytest.fixture(scope="module")
def filled(settings: Settings) -> Iterator[Engine]:
    with databases.fresh(settings) as own:
        url = make_url(own.read.database_url).set(drivername="postgresql+psycopg")
        engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            many_orders.fill(connection, SIZE)
            connection.execute(USERS_AND_PRODUCTS, {"size": SIZE // 4})
            connection.execute(text("analyze users_view, products_view"))
        yield engine


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
    return cut(matching(wanted), keyset, Slice(limit=PAGE, **where), with_edge=bool(where))


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
    "most of a day": Wanted(created_from=OPENING + timedelta(hours=3), created_before=OPENING + timedelta(hours=40)),
    "most amounts": Wanted(total_from=Decimal(100), total_to=Decimal(800)),
}
# What finds a handful of rows: they may be sorted, since they are no more than that.
RARE = {
    "a rare word": Wanted(words=words_of("zaanse")),
    "two rare words": Wanted(words=words_of("koeken Zaanse")),
    "a number": Wanted(words=words_of("234567")),
    "a word of two letters of a script without blanks": Wanted(words=words_of("\u7eff\u8336")),
    "one letter of it": Wanted(words=words_of("\u4e95")),
    "four letters of it": Wanted(words=words_of("\u9f99\u4e95\u7eff\u8336")),
    "such a word and another": Wanted(words=words_of("\u7eff\u8336 chai")),
    "such a word in none": Wanted(words=words_of("\u8336\u7eff")),
    "a word in Cyrillic": Wanted(words=words_of("\u0437\u0435\u043b\u0451\u043d")),
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
        where: dict[str, Any] = {way: middle, "backward": way == "before"}
        found = plan(filled, page(FILTERS[which], NEWEST_FIRST, **where))
        parts = len(matching(FILTERS[which]))
        assert "Seq Scan" not in scanned(found)
        assert sorted_rows(found) <= PAGE + 2
        assert rows_read(found) <= PAGE + 2 * parts  # each part looks one row ahead, and at the cursor's own

        found = plan(filled, beyond(matching(FILTERS[which]), NEWEST_FIRST, Slice(limit=PAGE, **where)))
        assert "Seq Scan" not in scanned(found)
        assert rows_read(found) <= parts

    @pytest.mark.parametrize("sort", SORTS)
    def test_of_a_user_s_orders_with_a_word_reads_no_other_orders(self, filled: Engine, sort: str) -> None:
        found = plan(filled, page(Wanted(user_id=USER, words=words_of("ikura")), SORTS[sort]))
        assert "Seq Scan" not in scanned(found)
        assert rows_read(found) <= SIZE / 500 + 1

    def test_would_be_seen_without_its_index(self, filled: Engine) -> None:
        unindexed = Keyset(UserOrdersView.item_names, UserOrdersView.order_id)
        found = plan(filled, page(Wanted(), unindexed))
        assert "Seq Scan" in scanned(found)
        assert sorted_rows(found) > PAGE + 1
        assert rows_read(found) >= SIZE


def test_the_order_of_a_user_that_changed_last_is_read_alone(filled: Engine) -> None:
    found = plan(filled, last_changed(USER))
    assert "Seq Scan" not in scanned(found)
    assert (sorted_rows(found), rows_read(found)) == (0, 1)


USERS_AND_PRODUCTS_ASKED = {
    "users": (users_view.matching(), users_view.NEWEST_FIRST),
    "users by many's name": (users_view.matching(words_of("grace")), users_view.NEWEST_FIRST),
    "users by name and e-mail": (users_view.matching(words_of("ada buyer12345@")), users_view.NEWEST_FIRST),
    "products": (products_view.matching(), products_view.BY_NAME),
    "products by sku": (products_view.matching(words=words_of("sku-4711")), products_view.BY_NAME),
    "products by many's name": (products_view.matching(words=words_of("mug")), products_view.BY_NAME),
    "retired products": (products_view.matching(retired=True), products_view.BY_NAME),
    "products that are not retired": (products_view.matching(retired=False), products_view.BY_NAME),
    "products in stock": (products_view.matching(in_stock=True), products_view.BY_NAME),
    "products sold out": (products_view.matching(in_stock=False, retired=False), products_view.BY_NAME),
}


@pytest.mark.parametrize("which", USERS_AND_PRODUCTS_ASKED)
def test_users_and_products_are_read_by_an_index(filled: Engine, which: str) -> None:
    parts, keyset = USERS_AND_PRODUCTS_ASKED[which]
    found = plan(filled, cut(parts, keyset, Slice(limit=PAGE)))
    assert "Seq Scan" not in scanned(found)
    assert sorted_rows(found) <= PAGE + 1
    assert rows_read(found) <= 20 * PAGE
