"""What a command refuses: an answer in the result union, with a code, a sentence to act on and the field to blame."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.support import refusing
from tests.support.client import Answer, Client
from tests.support.refused import items, orders, products, steps, users
from tests.support.refusing import (
    QUANTITY,
    Shop,
    add,
    add_item,
    change,
    change_user,
    end,
    of_order,
    order,
    pay,
    refusal,
    register,
    remove,
    set_quantity,
    ship,
)

REFUSED = [case for subject in (users, products, orders, items, steps) for case in subject.REFUSED]
COMMANDS = {
    "registerUser": register(),
    "renameUser": change_user(name="Hopper"),
    "changeUserEmail": change_user(email="hopper@example.com"),
    "addProduct": add(),
    "renameProduct": change(name="Cocoa"),
    "changeProductPrice": change(price="1"),
    "restockProduct": change("rare", quantity=1),
    "retireProduct": change("rare"),
    "createOrder": order(),
    "addOrderItem": add_item(),
    "changeOrderItemQuantity": set_quantity(),
    "removeOrderItem": remove(),
    "payOrder": pay(),
    "shipOrder": ship(),
    "deliverOrder": of_order("shipped"),
    "cancelOrder": end("pending"),
    "refundOrder": end("paid"),
}
EVERY_COMMAND = pytest.mark.parametrize("field", COMMANDS)


@pytest.fixture(scope="module")
def shop(nobody: Client, staff: Client) -> Shop:
    return refusing.shop(nobody, staff)


@pytest.mark.parametrize(
    ("field", "given", "answer"),
    [pytest.param(field, given, answer, id=f"{field} refuses {what}") for what, field, given, answer in REFUSED],
)
def test_a_command_refuses(
    field: str, given: Callable[[Shop], Answer], answer: Callable[[Shop], Answer], shop: Shop, staff: Client
) -> None:
    assert staff.give(field, given(shop)) == answer(shop)


@EVERY_COMMAND
class TestAnIdempotencyKey:
    def test_that_is_too_long_is_refused(self, field: str, shop: Shop, staff: Client) -> None:
        given = COMMANDS[field](shop) | {"idempotencyKey": "k" * 201}
        message = "The idempotencyKey must have at most 200 characters; this one has 201."
        assert staff.give(field, given) == refusal("InvalidInput", message, "idempotencyKey")

    def test_that_was_used_with_another_input_is_refused(self, field: str, shop: Shop, staff: Client) -> None:
        key = uuid4().hex
        staff.registered(idempotencyKey=key)
        message = "This idempotencyKey was used with another input. Send the same input again, or take a new key."
        assert staff.give(field, COMMANDS[field](shop) | {"idempotencyKey": key}) == refusal(
            "IdempotencyKeyReused", message, "idempotencyKey"
        )


class TestTheTable:
    def test_has_every_command(self, staff: Client) -> None:
        schema = staff.ask("{ __schema { mutationType { fields { name } } } }")["__schema"]
        fields = {field["name"] for field in schema["mutationType"]["fields"]}
        assert fields == COMMANDS.keys() == {field for _, field, _, _ in REFUSED}


class TestACustomer:
    def test_may_not_set_a_price(self, shop: Shop, nobody: Client) -> None:
        message = "Only staff may set a price: leave unitPrice out, the catalogue's counts."
        given = order(line={"unitPrice": "0.01"})(shop)
        assert nobody.as_customer(shop.user).give("createOrder", given) == refusal(
            "InvalidInput", message, "items.0.unitPrice"
        )

    def test_may_not_set_a_price_of_an_added_item_either(self, shop: Shop, nobody: Client) -> None:
        message = "Only staff may set a price: leave unitPrice out, the catalogue's counts."
        given = add_item(line={"unitPrice": "0.01"})(shop)
        assert nobody.as_customer(shop.user).give("addOrderItem", given) == refusal(
            "InvalidInput", message, "item.unitPrice"
        )

    def test_is_refused_by_staff_s_rules_too(self, shop: Shop, nobody: Client) -> None:
        assert nobody.as_customer(shop.user).give("createOrder", order(quantity=0)(shop)) == refusal(
            "InvalidInput", QUANTITY.format(0), "items.0.quantity"
        )


def test_what_was_refused_has_changed_nothing(shop: Shop, staff: Client) -> None:
    read = """
        query ($user: ID!, $other: ID!, $rare: ID!, $scarce: ID!, $tea: ID!) {
          rare: product(id: $rare) { version stock name retired }
          scarce: product(id: $scarce) { version stock name retired }
          tea: product(id: $tea) { version name price { amount } retired }
          other: user(id: $other) { version name }
          userOrders(userId: $user) { nodes { id status version itemCount } }
        }
    """
    names = ("user", "other", "rare", "scarce", "tea")
    assert staff.ask(read, **{name: getattr(shop, name) for name in names}) == {
        "rare": {"version": 1, "stock": 5, "name": "Pu-erh", "retired": False},
        "scarce": {"version": 1, "stock": 3, "name": "Sencha", "retired": False},
        "tea": {"version": 1, "name": "Tea", "price": {"amount": "9.99"}, "retired": False},
        "other": {"version": 1, "name": "Grace"},
        "userOrders": {
            "nodes": [
                {"id": shop.mixed, "status": "PENDING", "version": 1, "itemCount": 2},
                {"id": shop.shipped, "status": "SHIPPED", "version": 3, "itemCount": 1},
                {"id": shop.paid, "status": "PAID", "version": 2, "itemCount": 1},
                {"id": shop.pending, "status": "PENDING", "version": 1, "itemCount": 1},
            ]
        },
    }


def test_to_take_away_one_more_than_an_int_can_say_is_refused_too(shop: Shop, staff: Client) -> None:
    """Its opposite is no 32-bit number; the refusal has to be one nevertheless."""
    answer = staff.give("restockProduct", change("rare", quantity=-(2**31))(shop))
    assert answer == {
        "__typename": "InvalidInput",
        "code": "INVALID_INPUT",
        "message": "At most 1000000000 pieces can be taken away.",
        "path": ["quantity"],
    }


class TestAnInputOfAnotherType:
    """What GraphQL itself rejects never reaches a command, and is a top-level error."""

    @pytest.mark.parametrize(
        ("field", "given"),
        [
            ("addProduct", {"price": ["1.00"]}),
            ("addProduct", {"stock": 1.5}),
            ("addProduct", {"stock": 2**31}),
            ("addProduct", {"name": None}),
            ("addProduct", {"color": "red"}),
        ],
        ids=["price", "fraction", "beyond 32 bits", "null", "unknown field"],
    )
    def test_is_rejected(self, field: str, given: Answer, shop: Shop, staff: Client) -> None:
        document = "mutation ($input: AddProductInput!) { addProduct(input: $input) { __typename } }"
        answer = staff.post(document, input=COMMANDS[field](shop) | given)
        assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["BAD_USER_INPUT"]
        assert "data" not in answer.json()
