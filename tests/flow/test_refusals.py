"""What a command refuses: an answer in the result union, with a code, a sentence to act on and the field to blame."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.support.client import Answer, Client

UNKNOWN = "0190b6a4-3c5e-7d2a-9f00-6c1b2a3d4e5f"
NO_UUID = "This is not an id: it must be a UUID, such as 0190b6a4-3c5e-7d2a-9f00-6c1b2a3d4e5f."
CONTROLS = "{} must not contain control characters or NUL: remove them."


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What is there when the commands come: `rare` is a product of 5 pieces, `gift` one that costs nothing."""

    user: str
    email: str
    tea: str
    rare: str
    gift: str
    sku: str
    pending: str
    paid: str


@pytest.fixture(scope="module")
def shop(nobody: Client, staff: Client) -> Shop:
    email, sku = f"{uuid4().hex}@example.com", uuid4().hex
    user, tea = nobody.registered(email=email), staff.added(sku=sku)
    return Shop(
        user=user,
        email=email,
        tea=tea,
        rare=staff.added("Pu-erh", stock=5),
        gift=staff.added("Sample", price="0"),
        sku=sku,
        pending=staff.ordered(user, tea),
        paid=staff.paid(staff.ordered(user, tea)),
    )


def refusal(kind: str, message: str, path: str, **more: Any) -> Answer:
    code = "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in kind).lstrip("_").upper()
    return {"__typename": kind, "code": code, "message": message, "path": path.split("."), **more}


def invalid(message: str, path: str) -> Callable[[Shop], Answer]:
    return lambda _: refusal("InvalidInput", message, path)


def register(**given: Any) -> Callable[[Shop], Answer]:
    return lambda _: {"name": "Ada", "email": f"{uuid4().hex}@example.com", **given}


def add(**given: Any) -> Callable[[Shop], Answer]:
    return lambda _: {"sku": uuid4().hex, "name": "Tea", "price": "9.99", **given}


def order(
    *, product: str = "tea", quantity: int = 1, line: Answer | None = None, **given: Any
) -> Callable[[Shop], Answer]:
    def of(shop: Shop) -> Answer:
        wanted = {"productId": getattr(shop, product), "quantity": quantity} | (line or {})
        return {"userId": shop.user, "items": [wanted], **given}

    return of


def pay(order: str = "pending", **given: Any) -> Callable[[Shop], Answer]:
    return lambda shop: {"orderId": getattr(shop, order), "paymentReference": "pi_1", **given}


def ship(order: str = "paid", **given: Any) -> Callable[[Shop], Answer]:
    return lambda shop: {"orderId": getattr(shop, order), "carrier": "DHL", "trackingNumber": "1Z", **given}


def not_found(message: str, path: str) -> Callable[[Shop], Answer]:
    return lambda _: refusal("NotFound", message, path, id=UNKNOWN)


NO_USER = not_found("There is no user with this id: register first.", "userId")
NO_ORDER = not_found("There is no order with this id.", "orderId")
NO_EMAIL = invalid("This is not an e-mail address: write it like ada@example.com.", "email")
TOO_LONG = "{} must have at most 200 characters; this one has 10000."
QUANTITY = "The quantity must be between 1 and 10000; this one is {}."
STOCK = "The stock must be between 0 and 1000000000; leave it out where it is not counted."
VERSION = "Version {} was expected, but the current one is {}: read it again, then decide anew."

REFUSED: list[tuple[str, str, Callable[[Shop], Answer], Callable[[Shop], Answer]]] = [
    ("an id that is none", "registerUser", register(id="7"), invalid(NO_UUID, "id")),
    (
        "an id that is taken",
        "registerUser",
        lambda shop: register(id=shop.user)(shop),
        lambda shop: refusal("AlreadyExists", "There is a user with this id already.", "id", takenBy=shop.user),
    ),
    ("an empty name", "registerUser", register(name=""), invalid("The name must not be empty.", "name")),
    ("a blank name", "registerUser", register(name=" \u00a0 "), invalid("The name must not be empty.", "name")),
    ("a name too long", "registerUser", register(name="a" * 10_000), invalid(TOO_LONG.format("The name"), "name")),
    (
        "a name of 201 characters",
        "registerUser",
        register(name="é" * 201),
        invalid("The name must have at most 200 characters; this one has 201.", "name"),
    ),
    ("NUL in a name", "registerUser", register(name="A\0a"), invalid(CONTROLS.format("The name"), "name")),
    ("a line break in a name", "registerUser", register(name="A\na"), invalid(CONTROLS.format("The name"), "name")),
    ("no e-mail", "registerUser", register(email="ada"), NO_EMAIL),
    ("an e-mail without a domain", "registerUser", register(email="ada@example"), NO_EMAIL),
    ("an e-mail with a blank", "registerUser", register(email="a da@example.com"), NO_EMAIL),
    ("two e-mails", "registerUser", register(email="a@example.com,b@example.com"), NO_EMAIL),
    (
        "an e-mail too long",
        "registerUser",
        register(email=f"{'a' * 250}@example.com"),
        invalid("The e-mail address must have at most 254 characters; this one has 262.", "email"),
    ),
    (
        "an e-mail that is taken, in other letters",
        "registerUser",
        lambda shop: register(email=shop.email.upper())(shop),
        lambda _: refusal(
            "AlreadyExists",
            "A user with this e-mail address exists already: sign in, or use another.",
            "email",
            takenBy=None,
        ),
    ),
    ("an id that is none", "addProduct", add(id="7"), invalid(NO_UUID, "id")),
    (
        "an id that is taken",
        "addProduct",
        lambda shop: add(id=shop.tea)(shop),
        lambda shop: refusal("AlreadyExists", "There is a product with this id already.", "id", takenBy=shop.tea),
    ),
    (
        "a sku that is taken",
        "addProduct",
        lambda shop: add(sku=shop.sku)(shop),
        lambda shop: refusal(
            "AlreadyExists",
            f"There is a product with the sku {shop.sku} already: choose another.",
            "sku",
            takenBy=shop.tea,
        ),
    ),
    ("an empty sku", "addProduct", add(sku=""), invalid("The sku must not be empty.", "sku")),
    (
        "a sku too long",
        "addProduct",
        add(sku="s" * 65),
        invalid("The sku must have at most 64 characters; this one has 65.", "sku"),
    ),
    ("an empty name", "addProduct", add(name=" "), invalid("The name must not be empty.", "name")),
    ("a name too long", "addProduct", add(name="a" * 10_000), invalid(TOO_LONG.format("The name"), "name")),
    ("NUL in a name", "addProduct", add(name="T\0a"), invalid(CONTROLS.format("The name"), "name")),
    (
        "a price with three decimals",
        "addProduct",
        add(price="9.999"),
        invalid("The price must have at most two decimals, such as 10.00.", "price"),
    ),
    ("a price below zero", "addProduct", add(price="-0.01"), invalid("The price must not be below zero.", "price")),
    (
        "a price beyond all bounds",
        "addProduct",
        add(price="1e100"),
        invalid("The price must be at most 1000000000.00.", "price"),
    ),
    (
        "a price that is no number",
        "addProduct",
        add(price="NaN"),
        invalid("This is not an amount: write it like 59.97.", "price"),
    ),
    ("a stock below zero", "addProduct", add(stock=-1), invalid(STOCK, "stock")),
    ("a stock beyond all bounds", "addProduct", add(stock=1_000_000_001), invalid(STOCK, "stock")),
    ("a user id that is none", "createOrder", order(userId="7"), invalid(NO_UUID, "userId")),
    ("an id that is none", "createOrder", order(id="7"), invalid(NO_UUID, "id")),
    (
        "an id that is taken",
        "createOrder",
        lambda shop: order(id=shop.pending)(shop),
        lambda shop: refusal("AlreadyExists", "There is an order with this id already.", "id", takenBy=shop.pending),
    ),
    ("a user that is not there", "createOrder", order(userId=UNKNOWN), NO_USER),
    ("no items", "createOrder", order(items=[]), invalid("An order needs at least one item.", "items")),
    (
        "201 items",
        "createOrder",
        lambda shop: {
            "userId": shop.user,
            "items": [{"productId": str(uuid4()), "quantity": 1} for _ in range(201)],
        },
        invalid("An order has at most 200 items; this one has 201.", "items"),
    ),
    ("a product id that is none", "createOrder", order(line={"productId": "7"}), invalid(NO_UUID, "items.0.productId")),
    (
        "a product that is not there",
        "createOrder",
        order(line={"productId": UNKNOWN}),
        not_found("There is no product with this id.", "items.0.productId"),
    ),
    (
        "the same product twice",
        "createOrder",
        lambda shop: {
            "userId": shop.user,
            "items": [{"productId": product, "quantity": 1} for product in (shop.tea, shop.rare, shop.tea)],
        },
        invalid(
            "The product of items.0 comes again: order each product once, with the quantities added up.",
            "items.2.productId",
        ),
    ),
    *(
        (
            f"a quantity of {quantity}",
            "createOrder",
            order(quantity=quantity),
            invalid(QUANTITY.format(quantity), "items.0.quantity"),
        )
        for quantity in (0, -1, 10_001)
    ),
    (
        "more than there is",
        "createOrder",
        order(product="rare", quantity=6),
        lambda shop: refusal(
            "InsufficientStock",
            "Of Pu-erh, 5 can be ordered, not 6.",
            "items.0.quantity",
            productId=shop.rare,
            requested=6,
            available=5,
        ),
    ),
    (
        "a total of zero",
        "createOrder",
        order(product="gift"),
        invalid("Order total must be positive", "items"),
    ),
    (
        "another total than is expected",
        "createOrder",
        order(quantity=2, expectedTotal="20.00"),
        lambda _: refusal(
            "TotalMismatch",
            "The total is 19.98, not 20.00: show it to the buyer, then order again with it.",
            "expectedTotal",
            expectedTotal="20.00",
            actualTotal="19.98",
        ),
    ),
    (
        "a unit price with three decimals",
        "createOrder",
        order(line={"unitPrice": "0.001"}),
        invalid("The unit price must have at most two decimals, such as 0.00.", "items.0.unitPrice"),
    ),
    (
        "a unit price below zero",
        "createOrder",
        order(line={"unitPrice": "-1"}),
        invalid("The unit price must not be below zero.", "items.0.unitPrice"),
    ),
    ("an order id that is none", "payOrder", pay(orderId="7"), invalid(NO_UUID, "orderId")),
    ("an order that is not there", "payOrder", pay(orderId=UNKNOWN), NO_ORDER),
    (
        "an empty reference",
        "payOrder",
        pay(paymentReference=""),
        invalid("The payment reference must not be empty.", "paymentReference"),
    ),
    (
        "a reference too long",
        "payOrder",
        pay(paymentReference="p" * 10_000),
        invalid(TOO_LONG.format("The payment reference"), "paymentReference"),
    ),
    (
        "NUL in a reference",
        "payOrder",
        pay(paymentReference="\0"),
        invalid(CONTROLS.format("The payment reference"), "paymentReference"),
    ),
    (
        "an order that is paid",
        "payOrder",
        pay("paid"),
        lambda _: refusal("InvalidTransition", "A paid order cannot be paid.", "orderId", status="PAID", action="PAY"),
    ),
    (
        "a version that is not the current one",
        "payOrder",
        pay(expectedVersion=7),
        lambda _: refusal(
            "VersionConflict", VERSION.format(7, 1), "expectedVersion", expectedVersion=7, currentVersion=1
        ),
    ),
    ("an order id that is none", "shipOrder", ship(orderId="7"), invalid(NO_UUID, "orderId")),
    ("an order that is not there", "shipOrder", ship(orderId=UNKNOWN), NO_ORDER),
    ("an empty carrier", "shipOrder", ship(carrier=""), invalid("The carrier must not be empty.", "carrier")),
    ("NUL in a carrier", "shipOrder", ship(carrier="\0"), invalid(CONTROLS.format("The carrier"), "carrier")),
    (
        "a carrier too long",
        "shipOrder",
        ship(carrier="c" * 10_000),
        invalid(TOO_LONG.format("The carrier"), "carrier"),
    ),
    (
        "an empty tracking number",
        "shipOrder",
        ship(trackingNumber=""),
        invalid("The tracking number must not be empty.", "trackingNumber"),
    ),
    (
        "a tracking number too long",
        "shipOrder",
        ship(trackingNumber="1" * 10_000),
        invalid(TOO_LONG.format("The tracking number"), "trackingNumber"),
    ),
    (
        "an order that is not paid",
        "shipOrder",
        ship("pending"),
        lambda _: refusal(
            "InvalidTransition",
            "A pending order cannot be shipped; pay it first.",
            "orderId",
            status="PENDING",
            action="SHIP",
        ),
    ),
    (
        "a version that is not the current one",
        "shipOrder",
        ship(expectedVersion=1),
        lambda _: refusal(
            "VersionConflict", VERSION.format(1, 2), "expectedVersion", expectedVersion=1, currentVersion=2
        ),
    ),
]
COMMANDS = {
    "registerUser": register(),
    "addProduct": add(),
    "createOrder": order(),
    "payOrder": pay(),
    "shipOrder": ship(),
}
EVERY_COMMAND = pytest.mark.parametrize("field", COMMANDS)


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


class TestACustomer:
    def test_may_not_set_a_price(self, shop: Shop, nobody: Client) -> None:
        message = "Only staff may set a price: leave unitPrice out, the catalogue's counts."
        given = order(line={"unitPrice": "0.01"})(shop)
        assert nobody.as_customer(shop.user).give("createOrder", given) == refusal(
            "InvalidInput", message, "items.0.unitPrice"
        )

    def test_is_refused_by_staff_s_rules_too(self, shop: Shop, nobody: Client) -> None:
        assert nobody.as_customer(shop.user).give("createOrder", order(quantity=0)(shop)) == refusal(
            "InvalidInput", QUANTITY.format(0), "items.0.quantity"
        )


def test_what_was_refused_has_changed_nothing(shop: Shop, staff: Client) -> None:
    read = """
        query ($user: ID!, $rare: ID!) {
          product(id: $rare) { stock }
          userOrders(userId: $user) { nodes { id status version } }
        }
    """
    assert staff.ask(read, user=shop.user, rare=shop.rare) == {
        "product": {"stock": 5},
        "userOrders": {
            "nodes": [
                {"id": shop.paid, "status": "PAID", "version": 2},
                {"id": shop.pending, "status": "PENDING", "version": 1},
            ]
        },
    }


class TestAnInputOfAnotherType:
    """What GraphQL itself rejects never reaches a command, and is a top-level error."""

    @pytest.mark.parametrize(
        ("field", "given"),
        [
            ("addProduct", {"price": "a lot"}),
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
        assert answer.json()["data"] is None
