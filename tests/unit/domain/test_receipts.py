"""The fingerprint of an input: the same for the same wish, another for any other."""

from dataclasses import fields, replace
from decimal import Decimal
from uuid import UUID

import pytest

from domain.commands import (
    HANDLERS,
    AddOrderItem,
    AddProduct,
    CancelOrder,
    ChangeOrderItemQuantity,
    ChangeProductPrice,
    ChangeUserEmail,
    Command,
    CreateOrder,
    DeliverOrder,
    PayOrder,
    RefundOrder,
    RegisterUser,
    RemoveOrderItem,
    RenameProduct,
    RenameUser,
    RestockProduct,
    RetireProduct,
    ShipOrder,
)
from domain.order import Line
from domain.receipts import fingerprint
from tests.support.facts import MUG_ID, ORDER_ID, TEA_ID, USER_ID

# Of each command an example, and another value for every field.
EXAMPLES: dict[Command, dict[str, object]] = {
    RegisterUser(name="Ada", email="ada@example.com"): {"name": "Bob", "email": "bob@example.com", "id": USER_ID},
    AddProduct(sku="TEA", name="Tea", price=Decimal("9.99"), stock=1): {
        "sku": "MUG",
        "name": "Mug",
        "price": Decimal("9.98"),
        "stock": None,
        "id": TEA_ID,
    },
    CreateOrder(user_id=USER_ID, items=(Line(product_id=TEA_ID, quantity=1),)): {
        "user_id": TEA_ID,
        "items": (Line(product_id=TEA_ID, quantity=2),),
        "expected_total": Decimal("9.99"),
        "id": ORDER_ID,
    },
    PayOrder(order_id=ORDER_ID, payment_reference="pi_1"): {"order_id": USER_ID, "payment_reference": "pi_2"},
    ShipOrder(order_id=ORDER_ID, carrier="DHL", tracking_number="1"): {
        "order_id": USER_ID,
        "carrier": "UPS",
        "tracking_number": "2",
    },
    RenameUser(user_id=USER_ID, name="Ada"): {"user_id": TEA_ID, "name": "Bob"},
    ChangeUserEmail(user_id=USER_ID, email="ada@example.com"): {"user_id": TEA_ID, "email": "bob@example.com"},
    RenameProduct(product_id=TEA_ID, name="Tea"): {"product_id": MUG_ID, "name": "Mug"},
    ChangeProductPrice(product_id=TEA_ID, price=Decimal("9.99")): {"product_id": MUG_ID, "price": Decimal("9.98")},
    RestockProduct(product_id=TEA_ID, quantity=1): {"product_id": MUG_ID, "quantity": -1},
    RetireProduct(product_id=TEA_ID): {"product_id": MUG_ID},
    AddOrderItem(order_id=ORDER_ID, item=Line(product_id=TEA_ID, quantity=1)): {
        "order_id": USER_ID,
        "item": Line(product_id=TEA_ID, quantity=2),
    },
    ChangeOrderItemQuantity(order_id=ORDER_ID, product_id=TEA_ID, quantity=1): {
        "order_id": USER_ID,
        "product_id": MUG_ID,
        "quantity": 2,
    },
    RemoveOrderItem(order_id=ORDER_ID, product_id=TEA_ID): {"order_id": USER_ID, "product_id": MUG_ID},
    DeliverOrder(order_id=ORDER_ID): {"order_id": USER_ID},
    CancelOrder(order_id=ORDER_ID, reason="why"): {"order_id": USER_ID, "reason": "why not"},
    RefundOrder(order_id=ORDER_ID, reason="why"): {"order_id": USER_ID, "reason": "why not"},
}
CHANGES = [(command, name, other) for command, others in EXAMPLES.items() for name, other in others.items()]


def of(command: object, expected_version: int | None = None) -> bytes:
    return fingerprint(command, expected_version)


class TestFingerprint:
    def test_is_tried_on_every_field_of_every_command(self) -> None:
        assert {type(command): set(others) for command, others in EXAMPLES.items()} == {
            command: {field.name for field in fields(command)} for command in HANDLERS
        }

    @pytest.mark.parametrize("command", EXAMPLES, ids=lambda command: type(command).__name__)
    def test_is_32_bytes_that_the_same_input_has_again(self, command: Command) -> None:
        assert of(command) == of(replace(command))
        assert len(of(command)) == 32

    @pytest.mark.parametrize(("command", "name", "other"), CHANGES)
    def test_differs_with_every_field(self, command: Command, name: str, other: object) -> None:
        assert of(command) != of(replace(command, **{name: other}))

    @pytest.mark.parametrize(
        "line",
        [
            Line(product_id=MUG_ID, quantity=1),
            Line(product_id=TEA_ID, quantity=2),
            Line(product_id=TEA_ID, quantity=1, unit_price=Decimal("0.01")),
        ],
    )
    def test_differs_with_every_field_of_a_line(self, line: Line) -> None:
        order = CreateOrder(user_id=USER_ID, items=(Line(product_id=TEA_ID, quantity=1),))
        assert of(order) != of(replace(order, items=(line,)))

    def test_differs_with_the_expected_version(self) -> None:
        command = PayOrder(order_id=ORDER_ID, payment_reference="pi_1")
        assert len({of(command), of(command, 1), of(command, 2)}) == 3

    def test_differs_between_commands_of_the_same_fields(self) -> None:
        assert of(CancelOrder(order_id=ORDER_ID, reason="why")) != of(RefundOrder(order_id=ORDER_ID, reason="why"))

    def test_is_the_same_after_every_deployment(self) -> None:
        command = PayOrder(order_id=UUID(int=1), payment_reference="x")
        assert of(command).hex() == "a4b659ab0339458c7c7a177e6bbca99d321945fa9626a72564ae545a1979b99e"

    @pytest.mark.parametrize(
        ("command", "expected_version"),
        [
            (RegisterUser(name="\ud800", email="ada@example.com"), None),
            (AddProduct(sku="TEA", name="Tea", price=Decimal(1), stock=2**70), None),
            (PayOrder(order_id=ORDER_ID, payment_reference="pi_1"), 2**70),
        ],
        ids=["half a surrogate pair", "a stock beyond 64 bits", "a version beyond 64 bits"],
    )
    def test_is_taken_of_inputs_too_that_the_rules_will_refuse(
        self, command: Command, expected_version: int | None
    ) -> None:
        assert len(of(command, expected_version)) == 32
