"""From an input with the contract's names to a request; whatever does not fit is one refusal that names its field."""

from decimal import Decimal
from typing import Any

import pytest

from api.decoding import request
from domain.bus import Request
from domain.commands import (
    AddOrderItem,
    AddProduct,
    ChangeOrderItemQuantity,
    ChangeProductPrice,
    Command,
    CreateOrder,
    PayOrder,
    RegisterUser,
    RestockProduct,
)
from domain.order import Line
from domain.transaction import Actor
from tests.support.deciding import invalid, refused
from tests.support.facts import ORDER_ID, TEA_ID, USER_ID

STAFF = Actor(id="staff:tests", staff=True)
NO_ID = "This is not an id: it must be a UUID, such as 0190b6a4-3c5e-7d2a-9f00-6c1b2a3d4e5f."
NO_AMOUNT = "This is not an amount: write it like 59.97."
NO_TEXT = "This must be text."
NO_NUMBER = "This must be a whole number."
MISSING = "This field is required."

USER = {"name": "Ada", "email": "ada@example.com"}
PRODUCT = {"sku": "TEA", "name": "Tea", "price": "9.99"}
LINE = {"productId": str(TEA_ID), "quantity": 2}
ORDER = {"userId": str(USER_ID), "items": [LINE]}
ITEM = {"orderId": str(ORDER_ID), "item": LINE}
QUANTITY = {"orderId": str(ORDER_ID), "productId": str(TEA_ID), "quantity": 2}


def refusal(command: type[Command], given: dict[str, Any]) -> dict[str, Any]:
    return refused(request, command, given, actor=STAFF)


class TestRequest:
    def test_says_what_is_wanted_by_whom_and_how(self) -> None:
        given = {
            "orderId": str(ORDER_ID).upper(),
            "paymentReference": "pi_1",
            "idempotencyKey": "k",
            "expectedVersion": 3,
            "dryRun": True,
        }
        assert request(PayOrder, given, actor=STAFF, correlation_id="c") == Request(
            command=PayOrder(order_id=ORDER_ID, payment_reference="pi_1"),
            actor=STAFF,
            idempotency_key="k",
            expected_version=3,
            dry_run=True,
            correlation_id="c",
        )

    @pytest.mark.parametrize(
        "nothing", [{}, {"id": None, "idempotencyKey": None, "expectedVersion": None, "dryRun": None}]
    )
    def test_takes_null_for_left_out(self, nothing: dict[str, None]) -> None:
        assert request(RegisterUser, USER | nothing, actor=STAFF) == Request(
            command=RegisterUser(name="Ada", email="ada@example.com"), actor=STAFF
        )

    def test_takes_an_id_of_the_clients_own(self) -> None:
        wanted = request(RegisterUser, USER | {"id": str(USER_ID)}, actor=STAFF).command
        assert wanted == RegisterUser(id=USER_ID, name="Ada", email="ada@example.com")

    def test_takes_lines_in_their_order(self) -> None:
        second = {"productId": str(USER_ID), "quantity": 1, "unitPrice": "0.50"}
        wanted = request(CreateOrder, ORDER | {"items": [LINE, second], "expectedTotal": "20.48"}, actor=STAFF)
        assert wanted.command == CreateOrder(
            user_id=USER_ID,
            items=(
                Line(product_id=TEA_ID, quantity=2),
                Line(product_id=USER_ID, quantity=1, unit_price=Decimal("0.50")),
            ),
            expected_total=Decimal("20.48"),
        )

    def test_takes_an_item(self) -> None:
        wanted = request(AddOrderItem, ITEM | {"item": LINE | {"unitPrice": "0.50"}}, actor=STAFF).command
        item = Line(product_id=TEA_ID, quantity=2, unit_price=Decimal("0.50"))
        assert wanted == AddOrderItem(order_id=ORDER_ID, item=item)

    @pytest.mark.parametrize(
        ("price", "exact"), [("9.99", "9.99"), (9.99, "9.99"), (10, "10"), (0.1 + 0.2, "0.30000000000000004")]
    )
    def test_takes_a_json_number_for_what_it_looks_like(self, price: object, exact: str) -> None:
        wanted = request(AddProduct, PRODUCT | {"price": price}, actor=STAFF).command
        assert wanted == AddProduct(sku="TEA", name="Tea", price=Decimal(exact))

    def test_leaves_the_rules_to_the_domain(self) -> None:
        wanted = request(AddProduct, {"sku": "", "name": " ", "price": "-1", "stock": -1}, actor=STAFF).command
        assert wanted == AddProduct(sku="", name=" ", price=Decimal(-1), stock=-1)


class TestRefusal:
    @pytest.mark.parametrize(
        ("command", "given", "message", "path"),
        [
            (RegisterUser, {"email": "ada@example.com"}, MISSING, ("name",)),
            (RegisterUser, USER | {"name": None}, NO_TEXT, ("name",)),
            (RegisterUser, USER | {"name": 5}, NO_TEXT, ("name",)),
            (RegisterUser, USER | {"name": ["Ada"]}, NO_TEXT, ("name",)),
            (RegisterUser, USER | {"id": "nope"}, NO_ID, ("id",)),
            (RegisterUser, USER | {"id": 5}, NO_ID, ("id",)),
            (RegisterUser, USER | {"id": USER_ID.urn}, NO_ID, ("id",)),
            (RegisterUser, USER | {"id": f"{{{USER_ID}}}"}, NO_ID, ("id",)),
            (RegisterUser, USER | {"id": USER_ID.hex}, NO_ID, ("id",)),
            (CreateOrder, ORDER | {"items": [LINE | {"productId": TEA_ID.hex}]}, NO_ID, ("items", "0", "productId")),
            (RegisterUser, USER | {"idempotencyKey": 5}, NO_TEXT, ("idempotencyKey",)),
            (RegisterUser, USER | {"expectedVersion": 1.5}, NO_NUMBER, ("expectedVersion",)),
            (RegisterUser, USER | {"expectedVersion": "one"}, NO_NUMBER, ("expectedVersion",)),
            (RegisterUser, USER | {"dryRun": "perhaps"}, "This must be true or false.", ("dryRun",)),
            (PayOrder, {"orderId": str(ORDER_ID)}, MISSING, ("paymentReference",)),
            (PayOrder, {"orderId": "", "paymentReference": "pi_1"}, NO_ID, ("orderId",)),
            (AddProduct, PRODUCT | {"price": "cheap"}, NO_AMOUNT, ("price",)),
            (AddProduct, PRODUCT | {"price": "NaN"}, NO_AMOUNT, ("price",)),
            (AddProduct, PRODUCT | {"price": float("inf")}, NO_AMOUNT, ("price",)),
            (AddProduct, PRODUCT | {"price": True}, NO_AMOUNT, ("price",)),
            (AddProduct, PRODUCT | {"price": None}, NO_AMOUNT, ("price",)),
            (AddProduct, PRODUCT | {"stock": 1.5}, NO_NUMBER, ("stock",)),
            (AddProduct, PRODUCT | {"stock": "many"}, NO_NUMBER, ("stock",)),
            (CreateOrder, {"userId": str(USER_ID)}, MISSING, ("items",)),
            (CreateOrder, ORDER | {"items": None}, "This must be a list.", ("items",)),
            (CreateOrder, ORDER | {"items": {"productId": str(TEA_ID)}}, "This must be a list.", ("items",)),
            (CreateOrder, ORDER | {"items": "tea"}, "This must be a list.", ("items",)),
            (CreateOrder, ORDER | {"items": [LINE, "tea"]}, "This must be an object.", ("items", "1")),
            (CreateOrder, ORDER | {"items": [{"quantity": 1}]}, MISSING, ("items", "0", "productId")),
            (CreateOrder, ORDER | {"items": [LINE | {"productId": "tea"}]}, NO_ID, ("items", "0", "productId")),
            (CreateOrder, ORDER | {"items": [LINE | {"quantity": "two"}]}, NO_NUMBER, ("items", "0", "quantity")),
            (CreateOrder, ORDER | {"items": [LINE, LINE | {"unitPrice": "x"}]}, NO_AMOUNT, ("items", "1", "unitPrice")),
            (CreateOrder, ORDER | {"expectedTotal": "x"}, NO_AMOUNT, ("expectedTotal",)),
            (AddOrderItem, {"orderId": str(ORDER_ID)}, MISSING, ("item",)),
            (AddOrderItem, ITEM | {"item": "tea"}, "This must be an object.", ("item",)),
            (AddOrderItem, ITEM | {"item": {"quantity": 1}}, MISSING, ("item", "productId")),
            (AddOrderItem, ITEM | {"item": LINE | {"quantity": "two"}}, NO_NUMBER, ("item", "quantity")),
            (AddOrderItem, ITEM | {"item": LINE | {"quantity": True}}, NO_NUMBER, ("item", "quantity")),
            (AddOrderItem, ITEM | {"item": LINE | {"unitPrice": "x"}}, NO_AMOUNT, ("item", "unitPrice")),
            (ChangeOrderItemQuantity, QUANTITY | {"productId": "tea"}, NO_ID, ("productId",)),
            (ChangeOrderItemQuantity, QUANTITY | {"quantity": 1.5}, NO_NUMBER, ("quantity",)),
            (ChangeProductPrice, {"productId": str(TEA_ID), "price": "x"}, NO_AMOUNT, ("price",)),
            (RestockProduct, {"productId": str(TEA_ID), "quantity": False}, NO_NUMBER, ("quantity",)),
        ],
    )
    def test_names_the_field_to_blame(
        self, command: type[Command], given: dict[str, Any], message: str, path: tuple[str, ...]
    ) -> None:
        assert refusal(command, given) == invalid(message, *path)

    @pytest.mark.parametrize("name", ["e_mail", "user_id", "admin", ""])
    def test_names_a_field_that_there_is_not_and_those_that_there_are(self, name: str) -> None:
        message = f"There is no field {name} here; there are email, id, name."
        assert refusal(RegisterUser, USER | {name: "x"}) == invalid(message, name)

    @pytest.mark.parametrize("name", ["product_id", "price"])
    def test_names_one_inside_a_line_too(self, name: str) -> None:
        message = f"There is no field {name} here; there are productId, quantity, unitPrice."
        given = ORDER | {"items": [LINE, LINE | {name: "x"}]}
        assert refusal(CreateOrder, given) == invalid(message, "items", "1", name)

    @pytest.mark.parametrize("name", ["product_id", "price"])
    def test_names_one_inside_an_item_too(self, name: str) -> None:
        message = f"There is no field {name} here; there are productId, quantity, unitPrice."
        given = ITEM | {"item": LINE | {name: "x"}}
        assert refusal(AddOrderItem, given) == invalid(message, "item", name)

    @pytest.mark.parametrize("value", [True, False])
    def test_does_not_take_true_for_one(self, value: bool) -> None:
        assert refusal(AddProduct, PRODUCT | {"stock": value}) == invalid(NO_NUMBER, "stock")
