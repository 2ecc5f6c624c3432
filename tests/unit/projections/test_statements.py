"""Statements of one shape share their text, whatever their values; what makes another text makes another shape."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from projections.keyset import Slice
from projections.search import words_of
from projections.statements import Found, Statement, found
from projections.views import products_view, user_orders_view
from projections.views.user_orders_view import NEWEST_FIRST, Wanted

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def orders(**wanted: Any) -> Found:
    return found(user_orders_view.matching, wanted=Wanted(**wanted))


def page(listed: Found, **wanted: Any) -> Statement:
    return listed.cut(NEWEST_FIRST, Slice(limit=20, **wanted), ("number",), with_edge=False)


def sql(statement: Statement) -> str:
    return " ".join(statement.text.sql.split()).replace("user_orders_view.", "")


class TestAStatement:
    def test_has_parameters_in_the_place_of_values(self) -> None:
        user = uuid4()
        statement = page(orders(user_id=user, statuses=("paid", "shipped")), after=(NOW, user))
        assert sql(statement) == (
            "SELECT order_id, number, created_at FROM user_orders_view "
            "WHERE user_id = $1::UUID AND status IN ($2, $3) "
            "AND (created_at, order_id) < ($4::TIMESTAMP WITH TIME ZONE, $5::UUID) "
            "ORDER BY created_at DESC, order_id DESC LIMIT $6 + $7::INTEGER"
        )
        assert statement.arguments == [user, "paid", "shipped", NOW, user, 20, 1]

    def test_of_several_parts_has_what_they_share_once(self) -> None:
        statement = orders(statuses=("paid", "pending"), total_from=Decimal(5)).count()
        part = "(SELECT count(*) AS {} FROM user_orders_view WHERE total >= $1::NUMERIC AND status = {}::VARCHAR)"
        assert sql(statement) == (f"SELECT {part.format('count_1', '$2')} + {part.format('count_2', '$3')} AS count")
        assert statement.arguments == [Decimal(5), "paid", "pending"]

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (orders(user_id=uuid4()), orders(user_id=uuid4())),
            (orders(statuses=("paid",)), orders(statuses=("refunded",))),
            (orders(words=words_of("green tea")), orders(words=words_of("ada lovelace"))),
            (orders(created_from=NOW), orders(created_from=datetime.now(UTC))),
        ],
    )
    def test_shares_its_text_with_those_that_differ_in_values_alone(self, one: Found, other: Found) -> None:
        assert page(one).text is page(other).text
        assert page(one).arguments != page(other).arguments

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (orders(), orders(user_id=uuid4())),
            (orders(statuses=("paid",)), orders(statuses=("paid", "pending"))),
            (orders(statuses=()), orders()),
            (orders(words=words_of("tea")), orders(words=words_of("茶"))),
            (found(products_view.matching, retired=True), found(products_view.matching, retired=False)),
            (found(products_view.matching, in_stock=True), found(products_view.matching, in_stock=None)),
        ],
    )
    def test_has_another_text_where_more_than_values_differ(self, one: Found, other: Found) -> None:
        assert one.count().text.sql != other.count().text.sql

    @pytest.mark.parametrize(
        "wanted", [{"after": (NOW, uuid4())}, {"before": (NOW, uuid4())}, {"backward": True}, {"offset": 40}]
    )
    def test_of_another_slice_has_another_text(self, wanted: dict[str, Any]) -> None:
        assert page(orders(), **wanted).text.sql != page(orders()).text.sql

    def test_reads_all_columns_or_those_that_are_named(self) -> None:
        order = found(user_orders_view.by_id, order_id=uuid4(), user_id=None)
        assert sql(order.rows(("order_id", "status"))) == (
            "SELECT order_id, status FROM user_orders_view WHERE order_id = $1::UUID"
        )
        assert sql(order.rows()).count(",") == len(user_orders_view.PROJECTION.columns) - 1
