"""What values cannot do, whatever is in them."""

from typing import Any
from uuid import uuid4

import pytest

from tests.support.client import Client

NUL, SURROGATE, TURNED, UNSEEN = "a\0b", "a\ud800b", "a\u202eb", "\u200b\u200d"
# What is given for `user` and `order` is put in where a command is given.
CHANGES = {
    "registerUser": ({"name": "Ada", "email": "ada@example.com"}, ["name", "email", "id", "idempotencyKey"]),
    "renameUser": ({"userId": "user", "name": "Ada"}, ["userId", "name", "idempotencyKey"]),
    "addProduct": ({"sku": "TEA", "name": "Tea", "price": "1"}, ["sku", "name", "idempotencyKey"]),
    "payOrder": ({"orderId": "order", "paymentReference": "pi_1"}, ["orderId", "paymentReference"]),
    "shipOrder": ({"orderId": "paid", "carrier": "DHL", "trackingNumber": "1Z"}, ["carrier", "trackingNumber"]),
    "cancelOrder": ({"orderId": "order", "reason": "late"}, ["reason"]),
}
SEARCH = "query ($text: String!) { products(where: {search: $text}, first: 100) { nodes { id } } }"
FIELDS = [(command, given, field) for command, (given, fields) in CHANGES.items() for field in fields]


@pytest.fixture(scope="module")
def user(stranger: Client) -> str:
    return stranger.registered()


@pytest.fixture(scope="module")
def product(operator: Client) -> str:
    return operator.added()


@pytest.fixture(scope="module")
def there(user: str, product: str, operator: Client) -> dict[str, str]:
    paid = operator.paid(operator.ordered(user, product))
    return {"user": user, "order": operator.ordered(user, product), "paid": paid}


@pytest.mark.parametrize(("command", "given", "field"), FIELDS, ids=[f"{name}.{field}" for name, _, field in FIELDS])
@pytest.mark.parametrize("text", [NUL, TURNED, UNSEEN, "x" * 20_000], ids=["s28 NUL", "turned", "unseen", "long"])
def test_s28_s29_text_that_is_none_is_refused_by_its_field(
    *, text: str, command: str, given: dict[str, Any], field: str, operator: Client, there: dict[str, str]
) -> None:
    known = {name: there.get(value, value) for name, value in given.items()}
    refused = operator.give(command, known | {field: text})
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", [field])


@pytest.mark.parametrize("text", [NUL, TURNED, "x" * 20_000])
def test_s28_s29_text_that_is_none_is_not_searched_for(text: str, operator: Client) -> None:
    document = "query ($text: String!) { users(where: {search: $text}) { totalCount } }"
    answer = operator.post(document, text=text).json()
    assert {error["extensions"]["code"] for error in answer.get("errors", [])} <= {"BAD_USER_INPUT"}


def test_s29_a_lone_surrogate_is_no_json(operator: Client) -> None:
    body = b'{"query": "query ($id: ID!) { node(id: $id) { id } }", "variables": {"id": "\\ud800"}}'
    answer = operator.http.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")


def test_s29_what_looks_alike_is_kept_alike(stranger: Client, operator: Client) -> None:
    user = stranger.registered(name="Ame\u0301lie")
    assert operator.ask(f'{{ user(id: "{user}") {{ name }} }}') == {"user": {"name": "Am\u00e9lie"}}


@pytest.mark.parametrize("price", ["-0.01", "1e308", "0.001", "99999999999999999999", "NaN", "Infinity", "0x10", "1_0"])
def test_s30_a_price_is_a_sound_amount(price: str, operator: Client) -> None:
    answer = operator.post(
        "mutation ($input: AddProductInput!) { addProduct(input: $input) { __typename ... on UserError { path } } }",
        input={"sku": uuid4().hex, "name": "Tea", "price": price},
    ).json()
    if answer.get("data"):
        assert answer["data"] == {"addProduct": {"__typename": "InvalidInput", "path": ["price"]}}
    else:
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("quantity", [0, -1, 10_001, 2**31 - 1, 2**31, 2**63, 1.5])
def test_s30_a_quantity_is_a_sound_number(quantity: float, user: str, product: str, operator: Client) -> None:
    document = "mutation ($input: CreateOrderInput!) { createOrder(input: $input) { __typename } }"
    given = {"userId": user, "items": [{"productId": product, "quantity": quantity}]}
    answer = operator.post(document, input=given).json()
    if answer.get("data"):
        assert answer["data"] == {"createOrder": {"__typename": "InvalidInput"}}
    else:
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


def test_s30_amounts_add_up_to_the_cent(user: str, operator: Client) -> None:
    items = [operator.added(price="0.10"), operator.added(price="0.20")]
    order = operator.ordered(user, *items)
    shown = operator.ask("query ($id: ID!) { order(id: $id) { total { amount } } }", id=order)
    assert shown == {"order": {"total": {"amount": "0.30"}}}


@pytest.mark.parametrize("first", [0, -1, 101, 2**31 - 1, 2**31])
def test_s37_a_page_has_1_to_100_rows(first: int, stranger: Client) -> None:
    by_variable = stranger.errors("query ($n: Int) { products(first: $n) { totalCount } }", n=first)
    inline = stranger.errors(f"{{ products(first: {first}) {{ totalCount }} }}")
    assert [code for code, _ in by_variable] == ["BAD_USER_INPUT"]
    assert [code for code, _ in inline] in (["BAD_USER_INPUT"], ["GRAPHQL_VALIDATION_FAILED"])


def test_s37_a_page_has_20_rows_where_nothing_is_said(stranger: Client, operator: Client) -> None:
    for _ in range(21):
        operator.added()
    assert len(stranger.ask("{ products { nodes { id } } }")["products"]["nodes"]) == 20


@pytest.mark.parametrize("field", ["status", "version", "totalSpent", "tenantId", "role", "createdAt"])
def test_s38_nothing_is_set_that_an_input_does_not_have(field: str, stranger: Client) -> None:
    given = {"name": "Eve", "email": f"{uuid4().hex}@example.com", field: "x"}
    document = "mutation ($input: RegisterUserInput!) { registerUser(input: $input) { __typename } }"
    assert [code for code, _ in stranger.errors(document, input=given)] == ["BAD_USER_INPUT"]
    del given[field]
    assert stranger.ask(document, input=given) == {"registerUser": {"__typename": "UserAccepted"}}


@pytest.mark.parametrize("search", ["' or 1=1 --", "'; drop table products_view; --", "%%%", "___", "$1 $2", "%s %s"])
def test_s39_a_search_is_text_and_no_sql(search: str, product: str, stranger: Client) -> None:  # noqa: ARG001 - it is there
    assert stranger.ask(SEARCH, text=search) == {"products": {"nodes": []}}


@pytest.mark.parametrize("between", ["%", "_", "\\", "'", '"'])
def test_s39_what_stands_for_others_in_sql_stands_for_itself(between: str, stranger: Client, operator: Client) -> None:
    word = uuid4().hex
    found = operator.added(f"{word[:16]}{between}{word[16:]}")
    operator.added(f"{word[:16]}x{word[16:]}")
    shown = stranger.ask(SEARCH, text=f"{word[:16]}{between}{word[16:]}")["products"]["nodes"]
    assert [each["id"] for each in shown] == [found]


@pytest.mark.parametrize("field", ["TOTAL; drop table", "1", "created_at"])
def test_s39_an_order_is_one_of_a_list(field: str, operator: Client) -> None:
    document = "query ($by: OrderSort) { orders(orderBy: $by) { totalCount } }"
    by = {"field": field, "direction": "ASC"}
    assert [code for code, _ in operator.errors(document, by=by)] == ["BAD_USER_INPUT"]


def test_s63_an_idempotency_key_is_its_sender_s(user: str, product: str, stranger: Client) -> None:
    other = stranger.registered()
    key = uuid4().hex
    placed = []
    for sender in (user, other):
        given = {"userId": sender, "items": [{"productId": product, "quantity": 1}], "idempotencyKey": key}
        placed.append(stranger.as_customer(sender).give("createOrder", given, select="orderId"))
    assert [each["replayed"] for each in placed] == [False, False]
    assert placed[0]["orderId"] != placed[1]["orderId"]
    again = stranger.as_customer(user).give(
        "createOrder",
        {"userId": user, "items": [{"productId": product, "quantity": 2}], "idempotencyKey": key},
    )
    assert (again["__typename"], again["path"]) == ("IdempotencyKeyReused", ["idempotencyKey"])


@pytest.mark.parametrize("key", ["k" * 201, "", " k", "k\n"])
def test_s63_an_idempotency_key_is_a_short_text(key: str, stranger: Client) -> None:
    given = {"name": "Ada", "email": f"{uuid4().hex}@example.com", "idempotencyKey": key}
    refused = stranger.give("registerUser", given)
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", ["idempotencyKey"])
