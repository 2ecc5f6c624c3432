"""The list of all orders through HTTP: filtered, sorted and searched, page by page, both ways."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.support.client import Answer, Client

WRONG = "This cursor is not of this list, its sort and its filter: take the first page again."
LIST = """
    query ($where: OrderFilter, $by: OrderSort, $first: Int, $after: String, $last: Int, $before: String) {
      orders(where: $where, orderBy: $by, first: $first, after: $after, last: $last, before: $before) {
        nodes { id } edges { cursor node { id } } totalCount
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
"""
SORTS = [
    {"field": field, "direction": direction}
    for field in ("CREATED_AT", "TOTAL", "UPDATED_AT")
    for direction in ("ASC", "DESC")
]
every_sort = pytest.mark.parametrize("by", SORTS, ids=lambda by: f"{by['field']} {by['direction']}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Eleven orders of Ada, and one of Grace; all of them have a word in the name of their item that nothing else has.

    Ada's cost 10, 20, ... and, in pairs, the same; each was changed once more, in an order of its own.
    """

    word: str
    ada: str
    grace: str
    mine: list[str]
    hers: str
    email: str
    staff: Client

    def page(self, client: Client | None = None, **given: Any) -> Answer:
        found: Answer = (client or self.staff).ask(LIST, **given)["orders"]
        return found

    def found(self, client: Client | None = None, /, **where: Any) -> list[str]:
        return ids(self.page(client, where={"search": self.word, **where}, first=100))

    def refusal(self, **given: Any) -> list[tuple[str, str]]:
        return self.staff.errors(LIST, **given)


@pytest.fixture(scope="module")
def orders(nobody: Client, staff: Client) -> Orders:
    word, email = f"w{uuid4().hex[:12]}", f"{uuid4().hex}@example.com"
    ada, grace = nobody.registered("Ada Lovelace", email=email), nobody.registered("Grace Hopper")
    products = [staff.added(f"{word} No. {price}", price=str(price)) for price in (10, 20, 30, 40, 50, 60)]
    mine = [staff.ordered(ada, products[number // 2]) for number in range(11)]
    for number in (3, 7, 1, 9, 5, 0, 10, 2, 8, 4, 6):
        staff.paid(mine[number])
    for number in (2, 5):
        staff.give("cancelOrder", {"orderId": mine[number], "reason": "changed my mind"}, select="order { id }")
    staff.shipped(mine[8])
    hers = staff.ordered(grace, products[0], products[5])
    return Orders(word=word, ada=ada, grace=grace, mine=mine, hers=hers, email=email, staff=staff)


def ids(page: Answer) -> list[str]:
    return [node["id"] for node in page["nodes"]]


def around(page: Answer) -> tuple[bool, bool]:
    return page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]


def forwards(orders: Orders, size: int, **given: Any) -> Iterator[Answer]:
    yield (page := orders.page(first=size, **given))
    while page["pageInfo"]["hasNextPage"]:
        yield (page := orders.page(first=size, after=page["pageInfo"]["endCursor"], **given))


def backwards(orders: Orders, size: int, **given: Any) -> Iterator[Answer]:
    yield (page := orders.page(last=size, **given))
    while page["pageInfo"]["hasPreviousPage"]:
        yield (page := orders.page(last=size, before=page["pageInfo"]["startCursor"], **given))


class TestAList:
    def test_is_newest_first_where_nobody_says_how(self, orders: Orders) -> None:
        assert orders.found() == [orders.hers, *orders.mine[::-1]]

    @every_sort
    def test_is_sorted_as_was_asked(self, orders: Orders, by: Answer) -> None:
        asked = """
            query ($where: OrderFilter, $by: OrderSort) {
              orders(where: $where, orderBy: $by, first: 100) { nodes { id createdAt updatedAt total { amount } } }
            }
        """
        rows = orders.staff.ask(asked, where={"search": orders.word}, by=by)["orders"]["nodes"]
        shown = {
            "CREATED_AT": [(row["createdAt"], row["id"]) for row in rows],
            "UPDATED_AT": [(row["updatedAt"], row["id"]) for row in rows],
            "TOTAL": [(float(row["total"]["amount"]), row["id"]) for row in rows],
        }[by["field"]]
        assert len(rows) == 12
        assert shown == sorted(shown, reverse=by["direction"] == "DESC")

    @every_sort
    def test_shows_every_row_once_page_by_page_both_ways(self, orders: Orders, by: Answer) -> None:
        given = {"where": {"search": orders.word}, "by": by}
        whole = ids(orders.page(first=100, **given))
        on, back = list(forwards(orders, 5, **given)), list(backwards(orders, 5, **given))
        assert [ids(page) for page in on] == [whole[:5], whole[5:10], whole[10:]]
        assert [ids(page) for page in back] == [whole[7:], whole[2:7], whole[:2]]
        assert [around(page) for page in on] == [(False, True), (True, True), (True, False)]
        assert [around(page) for page in back] == [(True, False), (True, True), (False, True)]
        assert {page["totalCount"] for page in (*on, *back)} == {12}

    @every_sort
    def test_of_several_statuses_is_merged_in_order(self, orders: Orders, by: Answer) -> None:
        statuses = ["PENDING", "CANCELLED", "SHIPPED"]
        given = {"where": {"search": orders.word, "status": statuses}, "by": by}
        chosen = {orders.hers, orders.mine[2], orders.mine[5], orders.mine[8]}
        whole = [each for each in ids(orders.page(where={"search": orders.word}, by=by)) if each in chosen]
        on, back = list(forwards(orders, 2, **given)), list(backwards(orders, 3, **given))
        assert [ids(page) for page in on] == [whole[:2], whole[2:]]
        assert [ids(page) for page in back] == [whole[1:], whole[:1]]
        assert [around(page) for page in on] == [(False, True), (True, False)]
        assert [around(page) for page in back] == [(True, False), (False, True)]
        assert {page["totalCount"] for page in (*on, *back)} == {4}

    def test_says_what_lies_before_it_as_it_is_now(self, nobody: Client, staff: Client) -> None:
        user, product = nobody.registered(), staff.added()
        mine = [staff.ordered(user, product) for _ in range(4)]
        pending: Answer = {
            "where": {"userId": user, "status": ["PENDING"]},
            "by": {"field": "CREATED_AT", "direction": "ASC"},
        }
        first = staff.ask(LIST, first=2, **pending)["orders"]
        assert (ids(first), around(first)) == (mine[:2], (False, True))
        for order in mine[:2]:
            staff.paid(order)
        after = first["pageInfo"]["endCursor"]
        second = staff.ask(LIST, first=2, after=after, **pending)["orders"]
        assert (ids(second), around(second)) == (mine[2:], (False, False))
        for order in mine[2:]:
            staff.paid(order)
        third = staff.ask(LIST, first=2, after=after, **pending)["orders"]
        assert (ids(third), around(third)) == ([], (False, False))

    def test_does_not_shift_when_orders_come_in(self, nobody: Client, staff: Client) -> None:
        user, product = nobody.registered(), staff.added()
        mine = [staff.ordered(user, product) for _ in range(4)][::-1]
        first = staff.ask(LIST, where={"userId": user}, first=2)["orders"]
        staff.ordered(user, product)
        second = staff.ask(LIST, where={"userId": user}, first=2, after=first["pageInfo"]["endCursor"])["orders"]
        assert (ids(first), ids(second)) == (mine[:2], mine[2:])
        assert around(second) == (True, False)


class TestAFilter:
    def test_by_user(self, orders: Orders) -> None:
        assert orders.found(userId=orders.grace) == [orders.hers]
        assert orders.found(userId=str(uuid4())) == []

    def test_by_status(self, orders: Orders) -> None:
        assert orders.found(status=["CANCELLED"]) == [orders.mine[5], orders.mine[2]]
        assert orders.found(status=["CANCELLED"], userId=orders.ada) == [orders.mine[5], orders.mine[2]]
        assert orders.found(status=["REFUNDED"]) == []
        assert orders.found(status=[]) == []

    def test_by_total_includes_both_ends(self, orders: Orders) -> None:
        assert orders.found(total={"gte": "40", "lte": "50.00"}) == orders.mine[6:10][::-1]
        assert orders.found(total={"lte": "10"}) == orders.mine[1::-1]
        assert orders.found(total={"gte": "70"}) == [orders.hers]
        assert orders.found(total={"gte": "69.99", "lte": "69.99"}) == []

    def test_by_creation_includes_the_beginning_and_not_the_end(self, orders: Orders) -> None:
        asked = "query ($id: ID!) { order(id: $id) { createdAt } }"
        third, fifth = (orders.staff.ask(asked, id=orders.mine[at])["order"]["createdAt"] for at in (3, 5))
        assert orders.found(createdAt={"gte": third, "lt": fifth}) == [orders.mine[4], orders.mine[3]]
        assert orders.found(createdAt={"lt": third}) == orders.mine[2::-1]
        assert orders.found(createdAt={"gte": "2999-01-01T00:00:00Z"}) == []

    def test_of_everything_holds_for_everything(self, orders: Orders) -> None:
        where = {
            "userId": orders.ada,
            "status": ["PAID"],
            "total": {"gte": "20"},
            "createdAt": {"lt": "2999-01-01T00:00Z"},
        }
        assert orders.found(**where) == [orders.mine[at] for at in (10, 9, 7, 6, 4, 3)]

    @pytest.mark.parametrize("nothing", [{}, {"where": None}, {"where": {}}, {"by": None}])
    def test_that_says_nothing_leaves_all_in(self, orders: Orders, nothing: Answer) -> None:
        assert orders.hers in ids(orders.page(first=100, **nothing))


class TestASearch:
    def test_finds_words_wherever_they_stand_whatever_their_case_and_order(self, orders: Orders) -> None:
        number = orders.staff.ask("query ($id: ID!) { order(id: $id) { number } }", id=orders.hers)["order"]["number"]
        for words in ("HOPPER", "grace hop", "hop grace", "no. hopper 60", number, number[1:], "ho gr", "g"):
            assert orders.found(search=f"{words} {orders.word}") == [orders.hers], words
        assert orders.found(search=orders.email.upper()) == orders.mine[::-1]
        assert orders.found(search=f"  {orders.word[3:]}\u3000lovelace ") == orders.mine[::-1]

    @pytest.mark.parametrize("words", ["hopper lovelace", "opper% grace", "h_pper", "op", "o", "\\", "' or true --"])
    def test_finds_nothing_that_has_not_all_of_them(self, orders: Orders, words: str) -> None:
        assert orders.found(search=f"{orders.word} {words}") == []

    def test_for_nothing_leaves_all_in(self, orders: Orders) -> None:
        assert orders.hers in ids(orders.page(where={"search": " "}, first=100))


class TestACustomer:
    def test_sees_its_own_orders_whether_or_not_it_says_so(self, orders: Orders, nobody: Client) -> None:
        ada = nobody.as_customer(orders.ada)
        assert ids(orders.page(ada, first=100)) == orders.mine[::-1]
        assert orders.page(ada)["totalCount"] == 11
        assert orders.found(ada) == orders.mine[::-1]
        assert orders.found(ada, userId=orders.ada) == orders.mine[::-1]
        assert orders.found(ada, search="hopper") == []
        assert orders.found(ada, status=["PENDING"]) == []

    def test_may_not_ask_for_another_s(self, orders: Orders, nobody: Client) -> None:
        ada = nobody.as_customer(orders.ada)
        for user in (orders.grace, str(uuid4())):
            assert ada.errors(LIST, where={"userId": user}) == [
                ("FORBIDDEN", "You may only do this for yourself: give your own user id.")
            ]

    def test_cannot_use_the_cursor_of_staff(self, orders: Orders, nobody: Client) -> None:
        cursor = orders.page(first=1)["pageInfo"]["endCursor"]
        assert nobody.as_customer(orders.ada).errors(LIST, after=cursor) == [("INVALID_CURSOR", WRONG)]


class TestACursor:
    def test_of_another_sort_is_refused(self, orders: Orders) -> None:
        for made in SORTS:
            cursor = orders.page(first=1, by=made)["pageInfo"]["endCursor"]
            for used in SORTS:
                if used != made:
                    assert orders.refusal(by=used, after=cursor) == [("INVALID_CURSOR", WRONG)]

    @pytest.mark.parametrize(
        "where",
        [
            {},
            {"status": ["PAID"]},
            {"status": []},
            {"search": "tea"},
            {"total": {"gte": "1"}},
            {"total": {"lte": "1"}},
            {"createdAt": {"gte": "2026-01-01T00:00:00Z"}},
            {"createdAt": {"lt": "2026-01-01T00:00:00Z"}},
        ],
    )
    def test_of_another_filter_is_refused(self, orders: Orders, where: Answer) -> None:
        mine = {"userId": orders.ada}
        cursor = orders.page(first=1, where=mine)["pageInfo"]["endCursor"]
        for argument in ("after", "before"):
            assert orders.refusal(where=where, **{argument: cursor}) == [("INVALID_CURSOR", WRONG)]
            assert ids(orders.page(where=mine, **{argument: cursor})) is not None

    def test_that_was_changed_is_refused(self, orders: Orders) -> None:
        cursor = orders.page(first=1)["pageInfo"]["endCursor"]
        for at in range(0, len(cursor), 3):
            other = "A" if cursor[at] != "A" else "B"
            assert orders.refusal(after=f"{cursor[:at]}{other}{cursor[at + 1 :]}") == [("INVALID_CURSOR", WRONG)]


BAD = {
    "no user": (
        {"where": {"userId": "ada"}},
        "where.userId must be a UUID, such as 0190b6a4-3c5e-7d2a-9f00-6c1b2a3d4e5f.",
    ),
    "no amount": ({"where": {"total": {"gte": "ten"}}}, "where.total is not an amount: write it like 59.97."),
    "no number": ({"where": {"total": {"lte": "NaN"}}}, "where.total is not an amount: write it like 59.97."),
    "amounts that end first": (
        {"where": {"total": {"gte": "2.00", "lte": "1.99"}}},
        "where.total ends before it begins: 2.00 is after 1.99.",
    ),
    "days that end first": (
        {"where": {"createdAt": {"gte": "2026-02-01T00:00:00Z", "lt": "2026-01-01T00:00:00Z"}}},
        "where.createdAt ends before it begins: 2026-02-01 00:00:00+00:00 is after 2026-01-01 00:00:00+00:00.",
    ),
    "no moment": (
        {"where": {"createdAt": {"gte": "yesterday"}}},
        "Variable '$where' has invalid value at .createdAt.gte: This is no moment: write it like 2026-01-31T12:00:00Z.",
    ),
    "a long search": (
        {"where": {"search": "a" * 201}},
        "where.search must have at most 200 characters; this one has 201.",
    ),
    "a search for NUL": ({"where": {"search": "a\0"}}, "where.search must not contain NUL: remove it."),
    "many words": (
        {"where": {"search": "a b c d e f g h i j k"}},
        "where.search must have at most 10 words; this one has 11.",
    ),
    "no rows": ({"first": 0}, "first must be between 1 and 100; this one is 0."),
    "many rows": ({"last": 101}, "last must be between 1 and 100; this one is 101."),
    "both ways": ({"first": 1, "last": 1}, "Give either first or last, not both."),
}


class TestAnArgument:
    @pytest.mark.parametrize("what", BAD)
    def test_that_does_not_fit_is_refused(self, orders: Orders, what: str) -> None:
        given, message = BAD[what]
        assert orders.refusal(**given) == [("BAD_USER_INPUT", message)]

    @pytest.mark.parametrize(
        "given",
        [
            {"where": {"status": ["LOST"]}},
            {"where": {"colour": "red"}},
            {"by": {"field": "COLOUR", "direction": "ASC"}},
            {"by": {"field": "TOTAL", "direction": "UP"}},
            {"by": {"field": "TOTAL"}},
            {"where": {"total": {"gte": True}}},
            {"where": {"search": 5}},
            {"first": "ten"},
            {"after": 5},
        ],
    )
    def test_of_another_type_is_refused(self, orders: Orders, given: Answer) -> None:
        [(code, message)] = orders.refusal(**given)
        assert code == "BAD_USER_INPUT"
        assert not re.search("Error|Traceback|object at|class", message)

    @pytest.mark.parametrize("amount", ["1e40", "-5", "0.000000000000000000000000000001", "99999999999999999999"])
    def test_of_any_size_is_compared_with(self, orders: Orders, amount: str) -> None:
        assert len(orders.found(total={"gte": amount})) in {0, 12}
