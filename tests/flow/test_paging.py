"""Pages of lists through HTTP: every row once, in order, whichever way one leafs, and whatever comes in meanwhile."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.support.client import Answer, Client

SIZE = 45


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """A user's orders, newest first; every third one, counted from the newest, is paid."""

    user: str
    customer: Client
    product: str
    ids: list[str]

    @property
    def paid(self) -> list[str]:
        return self.ids[::3]

    def page(self, **arguments: Any) -> Answer:
        return self.customer.ask(document(**arguments), user=self.user, **arguments)["userOrders"]

    def refusal(self, **arguments: Any) -> tuple[str, str]:
        [error] = self.customer.errors(document(**arguments), user=self.user, **arguments)
        return error


TYPES = {
    "first": "Int",
    "after": "String",
    "last": "Int",
    "before": "String",
    "page": "Int",
    "status": "[OrderStatus!]",
}


def document(**arguments: Any) -> str:
    declared = "".join(f", ${name}: {TYPES[name]}" for name in arguments)
    passed = "".join(f", {name}: ${name}" for name in arguments)
    return f"""
        query ($user: ID!{declared}) {{
          userOrders(userId: $user{passed}) {{
            edges {{ cursor node {{ id }} }} nodes {{ id }} totalCount
            pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
          }}
        }}
    """


@pytest.fixture(scope="module")
def orders(nobody: Client, staff: Client) -> Orders:
    return written(nobody, staff, SIZE)


def written(nobody: Client, staff: Client, size: int) -> Orders:
    user, product = nobody.registered(), staff.added()
    order = {"userId": user, "items": [{"productId": product, "quantity": 1}]}
    ids = [staff.give("createOrder", order, select="orderId")["orderId"] for _ in range(size)][::-1]
    for order_id in ids[::3][::-1]:
        last = staff.give("payOrder", {"orderId": order_id, "paymentReference": "pi_1"})
    waiting = """
        query ($id: ID!, $token: ConsistencyToken) { userOrders(userId: $id, consistentWith: $token) { totalCount } }
    """
    assert staff.ask(waiting, id=user, token=last["token"]) == {"userOrders": {"totalCount": size}}
    return Orders(user=user, customer=nobody.as_customer(user), product=product, ids=ids)


def ids(page: Answer) -> list[str]:
    """Return the ids on a page, which says the same of itself in every way that it can be asked."""
    listed = [node["id"] for node in page["nodes"]]
    cursors = [edge["cursor"] for edge in page["edges"]]
    assert [edge["node"]["id"] for edge in page["edges"]] == listed
    assert page["pageInfo"]["startCursor"] == (cursors[0] if cursors else None)
    assert page["pageInfo"]["endCursor"] == (cursors[-1] if cursors else None)
    return listed


def around(page: Answer) -> tuple[bool, bool]:
    return page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]


def forwards(orders: Orders, size: int, **more: Any) -> Iterator[Answer]:
    yield (page := orders.page(first=size, **more))
    while page["pageInfo"]["hasNextPage"]:
        yield (page := orders.page(first=size, after=page["pageInfo"]["endCursor"], **more))


def backwards(orders: Orders, size: int, **more: Any) -> Iterator[Answer]:
    yield (page := orders.page(last=size, **more))
    while page["pageInfo"]["hasPreviousPage"]:
        yield (page := orders.page(last=size, before=page["pageInfo"]["startCursor"], **more))


class TestPages:
    def test_have_twenty_rows_where_nobody_says_how_many(self, orders: Orders) -> None:
        page = orders.page()
        assert (ids(page), page["totalCount"], around(page)) == (orders.ids[:20], SIZE, (False, True))

    def test_forwards_show_every_row_once_newest_first(self, orders: Orders) -> None:
        pages = list(forwards(orders, 20))
        assert [ids(page) for page in pages] == [orders.ids[:20], orders.ids[20:40], orders.ids[40:]]
        assert [around(page) for page in pages] == [(False, True), (True, True), (True, False)]
        assert {page["totalCount"] for page in pages} == {SIZE}

    def test_backwards_show_every_row_once_each_page_newest_first(self, orders: Orders) -> None:
        pages = list(backwards(orders, 20))
        assert [ids(page) for page in pages] == [orders.ids[25:], orders.ids[5:25], orders.ids[:5]]
        assert [around(page) for page in pages] == [(True, False), (True, True), (False, True)]

    def test_that_end_with_the_list_say_so(self, orders: Orders) -> None:
        pages = list(forwards(orders, 15))
        assert [around(page) for page in pages] == [(False, True), (True, True), (True, False)]

    def test_between_two_cursors_hold_what_lies_between(self, orders: Orders) -> None:
        cursors = [edge["cursor"] for edge in orders.page(first=30)["edges"]]
        assert ids(orders.page(after=cursors[3], before=cursors[9])) == orders.ids[4:9]
        assert ids(orders.page(last=2, after=cursors[3], before=cursors[9])) == orders.ids[7:9]

    def test_by_number_count_from_one(self, orders: Orders) -> None:
        pages = [orders.page(first=20, page=number) for number in (1, 2, 3, 4)]
        assert [ids(page) for page in pages] == [orders.ids[:20], orders.ids[20:40], orders.ids[40:], []]
        assert [around(page) for page in pages] == [(False, True), (True, True), (True, False), (True, False)]

    def test_by_number_have_cursors_to_go_on_from(self, orders: Orders) -> None:
        second = orders.page(first=20, page=2)
        assert ids(orders.page(first=20, after=second["pageInfo"]["endCursor"])) == orders.ids[40:]

    def test_of_chosen_statuses_hold_and_count_no_others(self, orders: Orders) -> None:
        pages = list(forwards(orders, 10, status=["PAID"]))
        assert [ids(page) for page in pages] == [orders.paid[:10], orders.paid[10:]]
        assert {page["totalCount"] for page in pages} == {len(orders.paid)}
        both = orders.page(first=100, status=["PAID", "PENDING"])
        assert (ids(both), around(both)) == (orders.ids, (False, False))

    @pytest.mark.parametrize("status", [["SHIPPED"], []])
    def test_of_statuses_that_no_order_has_are_empty(self, orders: Orders, status: list[str]) -> None:
        page = orders.page(status=status)
        assert (ids(page), page["totalCount"], around(page)) == ([], 0, (False, False))

    def test_do_not_shift_when_orders_come_in(self, nobody: Client, staff: Client) -> None:
        orders = written(nobody, staff, 6)
        pages = forwards(orders, 2)
        first = next(pages)
        for _ in range(3):
            staff.ordered(orders.user, orders.product)
        assert [ids(page) for page in [first, *pages]] == [orders.ids[:2], orders.ids[2:4], orders.ids[4:]]

    def test_of_a_user_s_orders_are_the_same_from_the_user(self, orders: Orders) -> None:
        asked = """
            query ($id: ID!, $after: String) {
              user(id: $id) { orders(first: 2, after: $after, status: [PAID]) { nodes { id } totalCount } }
            }
        """
        cursor = orders.page(first=2, status=["PAID"])["pageInfo"]["endCursor"]
        assert orders.customer.ask(asked, id=orders.user, after=cursor) == {
            "user": {"orders": {"nodes": [{"id": order} for order in orders.paid[2:4]], "totalCount": len(orders.paid)}}
        }


WRONG = "This cursor is not of this list, its sort and its filter: take the first page again."


class TestACursor:
    def test_of_another_filter_is_refused(self, orders: Orders) -> None:
        cursor = orders.page(first=1, status=["PAID"])["pageInfo"]["endCursor"]
        assert orders.refusal(after=cursor) == ("INVALID_CURSOR", WRONG)
        assert orders.refusal(after=cursor, status=["PENDING"]) == ("INVALID_CURSOR", WRONG)

    def test_of_the_same_filter_in_another_order_is_not(self, orders: Orders) -> None:
        cursor = orders.page(first=1, status=["PAID", "PENDING"])["pageInfo"]["endCursor"]
        assert ids(orders.page(first=1, after=cursor, status=["PENDING", "PAID"])) == orders.ids[1:2]

    def test_of_another_user_is_refused(self, orders: Orders, nobody: Client, staff: Client) -> None:
        another = written(nobody, staff, 1)
        cursor = another.page(first=1)["pageInfo"]["endCursor"]
        assert orders.refusal(after=cursor) == ("INVALID_CURSOR", WRONG)

    def test_of_another_list_is_refused(self, orders: Orders) -> None:
        products = orders.customer.ask("{ products(first: 1) { pageInfo { endCursor } } }")["products"]
        assert orders.refusal(after=products["pageInfo"]["endCursor"]) == ("INVALID_CURSOR", WRONG)

    @pytest.mark.parametrize("cursor", ["", "garbage", "W10", "WyJhIl0", "\u00e9", "a" * 10_000, "bnVsbA", "MQ"])
    @pytest.mark.parametrize("argument", ["after", "before"])
    def test_that_is_none_is_refused(self, orders: Orders, argument: str, cursor: str) -> None:
        assert orders.refusal(**{argument: cursor}) == ("INVALID_CURSOR", WRONG)


class TestAnArgument:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"first": 0}, "first must be between 1 and 100; this one is 0."),
            ({"first": -1}, "first must be between 1 and 100; this one is -1."),
            ({"first": 101}, "first must be between 1 and 100; this one is 101."),
            ({"last": 0}, "last must be between 1 and 100; this one is 0."),
            ({"last": 101}, "last must be between 1 and 100; this one is 101."),
            ({"first": 1, "last": 1}, "Give either first or last, not both."),
            ({"page": 0}, "page must be between 1 and 1000000; this one is 0."),
            ({"page": 1_000_001}, "page must be between 1 and 1000000; this one is 1000001."),
            ({"page": 1, "last": 1}, "page counts from the start: give it without after, before and last."),
            ({"page": 1, "after": "x"}, "page counts from the start: give it without after, before and last."),
            ({"page": 1, "before": "x"}, "page counts from the start: give it without after, before and last."),
        ],
        ids=str,
    )
    def test_that_does_not_fit_is_refused(self, orders: Orders, arguments: Answer, message: str) -> None:
        assert orders.refusal(**arguments) == ("BAD_USER_INPUT", message)

    def test_of_a_hundred_rows_is_the_most_there_is(self, orders: Orders) -> None:
        assert ids(orders.page(first=100)) == orders.ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Products whose names begin with a word that nothing else has."""

    word: str
    client: Client

    def names(self, search: str = "", **where: Any) -> list[str]:
        """Return what is found by the word with something behind it, without the word."""
        return self.found(search=f"{self.word}{search}", **where)

    def found(self, **where: Any) -> list[str]:
        asked = "query ($where: ProductFilter) { products(where: $where) { nodes { name } totalCount } }"
        listed = self.client.ask(asked, where=where)["products"]
        assert listed["totalCount"] == len(listed["nodes"])
        return [node["name"].removeprefix(self.word) for node in listed["nodes"]]


@pytest.fixture(scope="module")
def catalogue(nobody: Client, staff: Client) -> Catalogue:
    word = f"w{uuid4().hex[:12]}"
    for name, stock in (("100%", None), ("1000", 5), ("a_b", 0), ("a\\b", None), ("axb", 1), ("Öl", 3)):
        staff.added(f"{word}{name}", stock=stock)
    staff.ordered(staff.registered(), staff.added(f"{word}last one", stock=1))
    return Catalogue(word=word, client=nobody)


class TestASearch:
    @pytest.mark.parametrize(
        ("search", "found"),
        [
            ("100%", ["100%"]),
            ("a_b", ["a_b"]),
            ("a\\b", ["a\\b"]),
            ("a", ["a\\b", "a_b", "axb"]),
            ("A", ["a\\b", "a_b", "axb"]),
            ("ö", ["Öl"]),
            ("' or true --", []),
            ("", ["100%", "1000", "a\\b", "a_b", "axb", "last one", "Öl"]),
        ],
    )
    def test_takes_every_letter_as_it_is_whatever_its_case(
        self, catalogue: Catalogue, search: str, found: list[str]
    ) -> None:
        assert sorted(catalogue.names(search)) == sorted(found)

    @pytest.mark.parametrize(
        "search",
        [
            "\u7eff\u8336",
            "\u8336",
            "\u4e95\u7eff",
            "\u9f99\u4e95\u7eff\u8336",
            "\u043b\u0451\u043d",
            "\u0427\u0410\u0419",
        ],
    )
    def test_finds_words_of_any_script(self, nobody: Client, staff: Client, search: str) -> None:
        word = uuid4().hex
        for name in (
            f"\u9f99\u4e95\u7eff\u8336 \u0427\u0430\u0439 \u0437\u0435\u043b\u0451\u043d\u044b\u0439 {word}",
            f"\u7eff \u7684 \u8349 {word}",
        ):
            staff.added(name)
        found = Catalogue(word=word, client=nobody).found(search=f"{search} {word}")
        assert [name.split()[0] for name in found] == ["\u9f99\u4e95\u7eff\u8336"]

    def test_finds_no_word_whose_letters_are_there_in_another_order(self, nobody: Client, staff: Client) -> None:
        word = uuid4().hex
        staff.added(f"\u9f99\u4e95\u7eff\u8336 {word}")
        assert Catalogue(word=word, client=nobody).found(search=f"\u8336\u7eff {word}") == []

    def test_finds_a_sku(self, catalogue: Catalogue, staff: Client) -> None:
        sku = uuid4().hex
        staff.added(f"{uuid4().hex} by its sku", sku=sku)
        [name] = catalogue.found(search=sku[3:20].upper())
        assert name.endswith("by its sku")

    def test_lists_by_name(self, catalogue: Catalogue) -> None:
        assert catalogue.names() == ["100%", "1000", "a\\b", "a_b", "axb", "last one", "Öl"]

    @pytest.mark.parametrize(
        ("search", "message"),
        [
            ("a" * 201, "where.search must have at most 200 characters; this one has 201."),
            ("a\0", "where.search must not contain NUL: remove it."),
            ("a b c d e f g h i j k", "where.search must have at most 10 words; this one has 11."),
        ],
    )
    @pytest.mark.parametrize(("of", "filter_type"), [("products", "ProductFilter"), ("users", "UserFilter")])
    def test_that_is_none_is_refused_with_a_word_on_why(
        self, staff: Client, of: str, filter_type: str, search: str, message: str
    ) -> None:
        asked = f"query ($where: {filter_type}) {{ {of}(where: $where) {{ totalCount }} }}"
        assert staff.errors(asked, where={"search": search}) == [("BAD_USER_INPUT", message)]


class TestAFilter:
    def test_by_stock_counts_uncounted_products_in_and_sold_out_ones_out(self, catalogue: Catalogue) -> None:
        assert catalogue.names(inStock=True) == ["100%", "1000", "a\\b", "axb", "Öl"]
        assert catalogue.names(inStock=False) == ["a_b", "last one"]

    def test_by_retirement_finds_none_where_none_is_retired(self, catalogue: Catalogue) -> None:
        assert catalogue.names(retired=True) == []
        assert catalogue.names(retired=False) == catalogue.names()

    def test_pages_of_products_show_every_row_once(self, catalogue: Catalogue) -> None:
        asked = """
            query ($where: ProductFilter, $after: String) {
              products(where: $where, first: 3, after: $after) { nodes { name } pageInfo { hasNextPage endCursor } }
            }
        """
        after, names = None, []
        while True:
            page = catalogue.client.ask(asked, where={"search": catalogue.word}, after=after)["products"]
            names += [node["name"].removeprefix(catalogue.word) for node in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
        assert names == catalogue.names()
