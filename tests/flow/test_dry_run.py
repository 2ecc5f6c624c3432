"""A dry run of any command shows what it would lead to, exactly, and writes nothing."""

from collections.abc import Callable
from typing import Any
from unittest.mock import ANY
from uuid import uuid4

import pytest

from tests.support.client import Answer, Client, result_of

ORDER = """
    id userId userName userEmail total { amount currency } itemCount itemNames
    items { productId sku name quantity unitPrice { amount } lineTotal { amount } }
    status paymentReference carrier trackingNumber cancellationReason version stale
    timeline { version type actor details } availableActions { name allowed reason }
"""
USER = "id name email orderCount totalSpent { amount currency } version"
PRODUCT = "id sku name price { amount currency } stock retired unitsSold revenue { amount currency } version"
SHOWN = {"OrderAccepted": ("order", ORDER), "UserAccepted": ("user", USER), "ProductAccepted": ("product", PRODUCT)}

Given = Callable[[Client], Answer]


def user(**given: Any) -> Given:
    return lambda staff: {"userId": staff.registered(), **given}


def product(**given: Any) -> Given:
    return lambda staff: {"productId": staff.added(stock=5), **given}


def order(*steps: str, **given: Any) -> Given:
    """Give a command for an order of 2 of 5 pieces of tea and mugs, after these steps."""

    def of(staff: Client) -> Answer:
        order_id = staff.ordered(staff.registered(), staff.added(stock=5), staff.added("Mug", stock=5), quantity=2)
        for step in steps:
            getattr(staff, step)(order_id)
        return {"orderId": order_id, **given}

    return of


def with_item(**given: Any) -> Given:
    """Give a command for an item of an order."""

    def of(staff: Client) -> Answer:
        tea = staff.added(stock=5)
        order_id = staff.ordered(staff.registered(), tea, staff.added("Mug", stock=5), quantity=2)
        return {"orderId": order_id, "productId": tea, **given}

    return of


def new_order(staff: Client) -> Answer:
    items = [{"productId": staff.added(stock=5), "quantity": 4}]
    return {"id": str(uuid4()), "userId": staff.registered(), "items": items}


# Each command with an input that is accepted.
COMMANDS: dict[str, Given] = {
    "registerUser": lambda _: {"id": str(uuid4()), "name": "Ada", "email": f"{uuid4().hex}@example.com"},
    "renameUser": user(name="Grace"),
    "changeUserEmail": lambda staff: {"userId": staff.registered(), "email": f"{uuid4().hex}@example.com"},
    "addProduct": lambda _: {"id": str(uuid4()), "sku": uuid4().hex, "name": "Tea", "price": "9.99", "stock": 5},
    "renameProduct": product(name="Pot"),
    "changeProductPrice": product(price="12.50"),
    "restockProduct": product(quantity=-3),
    "retireProduct": product(),
    "createOrder": new_order,
    "addOrderItem": lambda staff: order(item={"productId": staff.added(stock=5), "quantity": 3})(staff),
    "changeOrderItemQuantity": with_item(quantity=5),
    "removeOrderItem": with_item(),
    "payOrder": order(paymentReference="pi_1"),
    "shipOrder": order("paid", carrier="DHL", trackingNumber="1Z"),
    "deliverOrder": order("paid", "shipped"),
    "cancelOrder": order(reason="changed my mind"),
    "refundOrder": order("paid", "shipped", "delivered", reason="it leaks"),
}
BEGINNINGS = ("registerUser", "addProduct", "createOrder")  # of streams: there is no version to be expected
EVERY_COMMAND = pytest.mark.parametrize("field", COMMANDS)


def id_of(given: Answer, noun: str) -> str:
    return str(given.get("id") or given[f"{noun}Id"])


def test_every_command_is_tried(staff: Client) -> None:
    schema = staff.ask("{ __schema { mutationType { fields { name } } } }")["__schema"]
    assert {field["name"] for field in schema["mutationType"]["fields"]} == COMMANDS.keys()


@EVERY_COMMAND
class TestADryRun:
    def test_shows_what_the_command_then_leads_to_and_leaves_all_as_it_was(self, field: str, staff: Client) -> None:
        noun, shown = SHOWN[result_of(field)]
        given = COMMANDS[field](staff)
        read = f"query ($id: ID!) {{ {noun}(id: $id) {{ {shown} }} }}"
        before = staff.ask(read, id=id_of(given, noun))[noun]
        version = before["version"] if before else 0

        told = staff.give(field, given | {"dryRun": True, "idempotencyKey": field}, select=f"{noun} {{ {shown} }}")
        assert told == {
            "__typename": result_of(field),
            "version": version + 1,
            "token": None,
            "replayed": False,
            noun: ANY,
        }
        assert told[noun] is not None
        assert told[noun] != before
        assert told[noun]["version"] == version + 1
        assert staff.ask(read, id=id_of(given, noun))[noun] == before

        done = staff.give(field, given, select=f"{noun} {{ {shown} }}")
        assert done == told | {"token": ANY}
        assert done["token"] is not None


@pytest.mark.parametrize("field", [field for field in COMMANDS if field not in BEGINNINGS])
def test_a_dry_run_is_refused_where_another_version_is_expected(field: str, staff: Client) -> None:
    refused = staff.give(field, COMMANDS[field](staff) | {"dryRun": True, "expectedVersion": 99})
    assert refused == {
        "__typename": "VersionConflict",
        "code": "VERSION_CONFLICT",
        "message": ANY,
        "path": ["expectedVersion"],
        "expectedVersion": 99,
        "currentVersion": ANY,
    }


class TestADryRunOfAnOrder:
    def test_takes_no_stock_and_no_key(self, staff: Client) -> None:
        tea, buyer, key = staff.added(stock=5), staff.registered(), uuid4().hex
        wanted = {"userId": buyer, "items": [{"productId": tea, "quantity": 5}], "idempotencyKey": key}
        for _ in range(2):
            assert staff.give("createOrder", wanted | {"dryRun": True})["replayed"] is False
        real = staff.give("createOrder", wanted, select="order { total { amount } }")
        assert (real["replayed"], real["order"]) == (False, {"total": {"amount": "49.95"}})

    def test_is_refused_as_the_order_would_be(self, staff: Client) -> None:
        tea, buyer = staff.added(stock=5), staff.registered()
        wanted = {"userId": buyer, "items": [{"productId": tea, "quantity": 6}]}
        assert staff.give("createOrder", wanted | {"dryRun": True}) == staff.give("createOrder", wanted)

    def test_without_an_id_shows_one_that_is_not_there(self, staff: Client) -> None:
        wanted = {"userId": staff.registered(), "items": [{"productId": staff.added(), "quantity": 1}], "dryRun": True}
        shown = staff.give("createOrder", wanted, select="orderId order { id }")
        assert shown["order"]["id"] == shown["orderId"]
        read = "query ($order: ID!, $user: ID!) { order(id: $order) { id } userOrders(userId: $user) { totalCount } }"
        assert staff.ask(read, order=shown["orderId"], user=wanted["userId"]) == {
            "order": None,
            "userOrders": {"totalCount": 0},
        }

    def test_of_what_was_done_with_its_key_shows_that_again(self, staff: Client) -> None:
        order_id = staff.ordered(staff.registered(), staff.added())
        wanted = {"orderId": order_id, "paymentReference": "pi_1", "idempotencyKey": uuid4().hex}
        select = "orderId order { status version }"
        paid = staff.give("payOrder", wanted, select=select)
        again = staff.give("payOrder", wanted | {"dryRun": True}, select=select)
        assert again == paid | {"replayed": True, "token": None}
