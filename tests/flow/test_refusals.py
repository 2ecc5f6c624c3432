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
    """What is there when the commands come: `rare` is a product of 5 pieces, `gift` one that costs nothing.

    `mixed` is a pending order of 2 of the 5 pieces of `scarce`, and of a gift.
    """

    user: str
    email: str
    other: str
    tea: str
    rare: str
    gift: str
    scarce: str
    retired: str
    sku: str
    pending: str
    paid: str
    shipped: str
    mixed: str


@pytest.fixture(scope="module")
def shop(nobody: Client, staff: Client) -> Shop:
    email, sku = f"{uuid4().hex}@example.com", uuid4().hex
    user, tea = nobody.registered(email=email), staff.added(sku=sku)
    gift, scarce, retired = staff.added("Sample", price="0"), staff.added("Sencha", stock=5), staff.added("Cup")
    assert staff.give("retireProduct", {"productId": retired})["__typename"] == "ProductAccepted"
    return Shop(
        user=user,
        email=email,
        other=nobody.registered("Grace"),
        tea=tea,
        rare=staff.added("Pu-erh", stock=5),
        gift=gift,
        scarce=scarce,
        retired=retired,
        sku=sku,
        pending=staff.ordered(user, tea),
        paid=staff.paid(staff.ordered(user, tea)),
        shipped=staff.shipped(staff.paid(staff.ordered(user, tea))),
        mixed=staff.ordered(user, scarce, gift, quantity=2),
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


def change_user(**given: Any) -> Callable[[Shop], Answer]:
    return lambda shop: {"userId": shop.other, **given}


def change(product: str = "tea", **given: Any) -> Callable[[Shop], Answer]:
    return lambda shop: {"productId": getattr(shop, product), **given}


def add_item(
    order: str = "pending", product: str = "rare", quantity: int = 1, line: Answer | None = None, **given: Any
) -> Callable[[Shop], Answer]:
    def of(shop: Shop) -> Answer:
        wanted = {"productId": getattr(shop, product), "quantity": quantity} | (line or {})
        return {"orderId": getattr(shop, order), "item": wanted, **given}

    return of


def set_quantity(
    order: str = "pending", product: str = "tea", quantity: int = 2, **given: Any
) -> Callable[[Shop], Answer]:
    return lambda shop: {
        "orderId": getattr(shop, order),
        "productId": getattr(shop, product),
        "quantity": quantity,
        **given,
    }


def remove(order: str = "mixed", product: str = "gift", **given: Any) -> Callable[[Shop], Answer]:
    return lambda shop: {"orderId": getattr(shop, order), "productId": getattr(shop, product), **given}


def end(order: str, **given: Any) -> Callable[[Shop], Answer]:
    return lambda shop: {"orderId": getattr(shop, order), "reason": "late", **given}


def of_order(order: str, **given: Any) -> Callable[[Shop], Answer]:
    return lambda shop: {"orderId": getattr(shop, order), **given}


def not_found(message: str, path: str) -> Callable[[Shop], Answer]:
    return lambda _: refusal("NotFound", message, path, id=UNKNOWN)


NO_USER = not_found("There is no user with this id: register first.", "userId")
NO_ORDER = not_found("There is no order with this id.", "orderId")
NO_SUCH_USER = not_found("There is no user with this id.", "userId")
NO_PRODUCT = not_found("There is no product with this id.", "productId")
NO_EMAIL = invalid("This is not an e-mail address: write it like ada@example.com.", "email")
TOO_LONG = "{} must have at most 200 characters; this one has 10000."
QUANTITY = "The quantity must be between 1 and 10000; this one is {}."
STOCK = "The stock must be between 0 and 1000000000; leave it out where it is not counted."
VERSION = "Version {} was expected, but the current one is {}: read it again, then decide anew."

Case = tuple[str, str, Callable[[Shop], Answer], Callable[[Shop], Answer]]


def conflict(expected: int, current: int) -> Callable[[Shop], Answer]:
    return lambda _: refusal(
        "VersionConflict",
        VERSION.format(expected, current),
        "expectedVersion",
        expectedVersion=expected,
        currentVersion=current,
    )


def in_status(status: str, action: str, message: str) -> Callable[[Shop], Answer]:
    return lambda _: refusal("InvalidTransition", message, "orderId", status=status, action=action)


def not_in_it(product: str) -> Callable[[Shop], Answer]:
    return lambda shop: refusal(
        "NotFound", "This order has no item of this product.", "productId", id=getattr(shop, product)
    )


def insufficient(message: str, path: str, product: str, requested: int, available: int) -> Callable[[Shop], Answer]:
    return lambda shop: refusal(
        "InsufficientStock",
        message,
        path,
        productId=getattr(shop, product),
        requested=requested,
        available=available,
    )


def text_in(field: str, given: Callable[..., Callable[[Shop], Answer]], name: str, what: str) -> list[Case]:
    """Return what every command refuses as its text."""
    return [
        (f"an empty {name}", field, given(**{name: ""}), invalid(f"{what} must not be empty.", name)),
        (f"a blank {name}", field, given(**{name: " \u00a0"}), invalid(f"{what} must not be empty.", name)),
        (f"NUL in a {name}", field, given(**{name: "a\0"}), invalid(CONTROLS.format(what), name)),
        (f"a line break in a {name}", field, given(**{name: "a\nb"}), invalid(CONTROLS.format(what), name)),
        (f"a {name} too long", field, given(**{name: "a" * 10_000}), invalid(TOO_LONG.format(what), name)),
    ]


REFUSED: list[Case] = [
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
    ("a user id that is none", "renameUser", change_user(name="A", userId="7"), invalid(NO_UUID, "userId")),
    ("a user that is not there", "renameUser", change_user(name="A", userId=UNKNOWN), NO_SUCH_USER),
    *text_in("renameUser", change_user, "name", "The name"),
    ("a version that is not the current one", "renameUser", change_user(name="A", expectedVersion=7), conflict(7, 1)),
    (
        "a user id that is none",
        "changeUserEmail",
        change_user(email="a@example.com", userId="7"),
        invalid(NO_UUID, "userId"),
    ),
    (
        "a user that is not there",
        "changeUserEmail",
        change_user(email="a@example.com", userId=UNKNOWN),
        NO_SUCH_USER,
    ),
    ("no e-mail", "changeUserEmail", change_user(email="ada"), NO_EMAIL),
    ("two e-mails", "changeUserEmail", change_user(email="a@example.com,b@example.com"), NO_EMAIL),
    (
        "an empty e-mail",
        "changeUserEmail",
        change_user(email=" "),
        invalid("The e-mail address must not be empty.", "email"),
    ),
    (
        "NUL in an e-mail",
        "changeUserEmail",
        change_user(email="a\0@example.com"),
        invalid(CONTROLS.format("The e-mail address"), "email"),
    ),
    (
        "an e-mail too long",
        "changeUserEmail",
        change_user(email=f"{'a' * 250}@example.com"),
        invalid("The e-mail address must have at most 254 characters; this one has 262.", "email"),
    ),
    (
        "an e-mail of another user, in other letters",
        "changeUserEmail",
        lambda shop: change_user(email=shop.email.upper())(shop),
        lambda _: refusal("AlreadyExists", "Another user has this e-mail address: use another.", "email", takenBy=None),
    ),
    (
        "a version that is not the current one",
        "changeUserEmail",
        change_user(email="a@example.com", expectedVersion=7),
        conflict(7, 1),
    ),
    ("a product id that is none", "renameProduct", change(name="A", productId="7"), invalid(NO_UUID, "productId")),
    ("a product that is not there", "renameProduct", change(name="A", productId=UNKNOWN), NO_PRODUCT),
    *text_in("renameProduct", change, "name", "The name"),
    ("a version that is not the current one", "renameProduct", change(name="A", expectedVersion=7), conflict(7, 1)),
    (
        "a product id that is none",
        "changeProductPrice",
        change(price="1", productId="7"),
        invalid(NO_UUID, "productId"),
    ),
    ("a product that is not there", "changeProductPrice", change(price="1", productId=UNKNOWN), NO_PRODUCT),
    (
        "a price with three decimals",
        "changeProductPrice",
        change(price="9.999"),
        invalid("The price must have at most two decimals, such as 10.00.", "price"),
    ),
    (
        "a price below zero",
        "changeProductPrice",
        change(price="-0.01"),
        invalid("The price must not be below zero.", "price"),
    ),
    (
        "a price beyond all bounds",
        "changeProductPrice",
        change(price="1e100"),
        invalid("The price must be at most 1000000000.00.", "price"),
    ),
    (
        "a price that is no number",
        "changeProductPrice",
        change(price="NaN"),
        invalid("This is not an amount: write it like 59.97.", "price"),
    ),
    (
        "a version that is not the current one",
        "changeProductPrice",
        change(price="1", expectedVersion=7),
        conflict(7, 1),
    ),
    (
        "a product id that is none",
        "restockProduct",
        change(quantity=1, productId="7"),
        invalid(NO_UUID, "productId"),
    ),
    ("a product that is not there", "restockProduct", change(quantity=1, productId=UNKNOWN), NO_PRODUCT),
    (
        "a stock that is not counted",
        "restockProduct",
        change(quantity=1),
        invalid("The stock of this product is not counted: it can always be ordered.", "productId"),
    ),
    (
        "nothing to add",
        "restockProduct",
        change("rare", quantity=0),
        invalid("The quantity must not be 0: give the pieces to add, or below zero to take away.", "quantity"),
    ),
    (
        "to take away more than there is",
        "restockProduct",
        change("rare", quantity=-6),
        insufficient("There are 5 in stock: 6 cannot be taken away.", "quantity", "rare", 6, 5),
    ),
    (
        "to take away the most that can be",
        "restockProduct",
        change("rare", quantity=-1_000_000_000),
        insufficient("There are 5 in stock: 1000000000 cannot be taken away.", "quantity", "rare", 1_000_000_000, 5),
    ),
    (
        "a stock beyond all bounds",
        "restockProduct",
        change("rare", quantity=999_999_996),
        invalid("The stock must be at most 1000000000; there are 5.", "quantity"),
    ),
    (
        "a version that is not the current one",
        "restockProduct",
        change("rare", quantity=1, expectedVersion=7),
        conflict(7, 1),
    ),
    ("a product id that is none", "retireProduct", change(productId="7"), invalid(NO_UUID, "productId")),
    ("a product that is not there", "retireProduct", change(productId=UNKNOWN), NO_PRODUCT),
    (
        "a product that is retired",
        "retireProduct",
        change("retired"),
        invalid("This product is retired already.", "productId"),
    ),
    ("a version that is not the current one", "retireProduct", change(expectedVersion=7), conflict(7, 1)),
    (
        "a retired product",
        "createOrder",
        order(product="retired"),
        invalid("Cup is retired and can no longer be ordered: leave it out.", "items.0.productId"),
    ),
    (
        "a total beyond all bounds",
        "createOrder",
        order(quantity=1001, line={"unitPrice": "1000000000"}),
        invalid("The order total must be at most 1000000000000; split the order.", "items"),
    ),
    ("an order id that is none", "addOrderItem", add_item(orderId="7"), invalid(NO_UUID, "orderId")),
    ("an order that is not there", "addOrderItem", add_item(orderId=UNKNOWN), NO_ORDER),
    (
        "a product id that is none",
        "addOrderItem",
        add_item(line={"productId": "7"}),
        invalid(NO_UUID, "item.productId"),
    ),
    (
        "a product that is not there",
        "addOrderItem",
        add_item(line={"productId": UNKNOWN}),
        not_found("There is no product with this id.", "item.productId"),
    ),
    (
        "a product that the order has",
        "addOrderItem",
        add_item(product="tea"),
        invalid("This order has an item of this product already: change its quantity instead.", "item.productId"),
    ),
    (
        "a retired product",
        "addOrderItem",
        add_item(product="retired"),
        invalid("Cup is retired and can no longer be ordered: leave it out.", "item.productId"),
    ),
    *(
        (
            f"a quantity of {quantity}",
            "addOrderItem",
            add_item(quantity=quantity),
            invalid(QUANTITY.format(quantity), "item.quantity"),
        )
        for quantity in (0, -1, 10_001)
    ),
    (
        "more than there is",
        "addOrderItem",
        add_item(quantity=6),
        insufficient("Of Pu-erh, 5 can be ordered, not 6.", "item.quantity", "rare", 6, 5),
    ),
    (
        "a unit price with three decimals",
        "addOrderItem",
        add_item(line={"unitPrice": "0.001"}),
        invalid("The unit price must have at most two decimals, such as 0.00.", "item.unitPrice"),
    ),
    (
        "a unit price below zero",
        "addOrderItem",
        add_item(line={"unitPrice": "-1"}),
        invalid("The unit price must not be below zero.", "item.unitPrice"),
    ),
    (
        "a total beyond all bounds",
        "addOrderItem",
        add_item(product="gift", quantity=1000, line={"unitPrice": "1000000000"}),
        invalid("The order total must be at most 1000000000000; split the order.", "item"),
    ),
    (
        "an order that is paid",
        "addOrderItem",
        add_item("paid"),
        in_status("PAID", "ADD_ITEM", "A paid order takes no more items."),
    ),
    ("a version that is not the current one", "addOrderItem", add_item(expectedVersion=7), conflict(7, 1)),
    (
        "an order id that is none",
        "changeOrderItemQuantity",
        set_quantity(orderId="7"),
        invalid(NO_UUID, "orderId"),
    ),
    ("an order that is not there", "changeOrderItemQuantity", set_quantity(orderId=UNKNOWN), NO_ORDER),
    (
        "a product id that is none",
        "changeOrderItemQuantity",
        set_quantity(productId="7"),
        invalid(NO_UUID, "productId"),
    ),
    (
        "a product that the order does not have",
        "changeOrderItemQuantity",
        set_quantity(product="rare"),
        not_in_it("rare"),
    ),
    (
        "a product that is not there",
        "changeOrderItemQuantity",
        set_quantity(productId=UNKNOWN),
        not_found("This order has no item of this product.", "productId"),
    ),
    *(
        (
            f"a quantity of {quantity}",
            "changeOrderItemQuantity",
            set_quantity(quantity=quantity),
            invalid(QUANTITY.format(quantity), "quantity"),
        )
        for quantity in (0, -1, 10_001)
    ),
    (
        "the quantity that it is",
        "changeOrderItemQuantity",
        set_quantity(quantity=1),
        invalid("The quantity is 1 already.", "quantity"),
    ),
    (
        "more than there is beside its own",
        "changeOrderItemQuantity",
        set_quantity("mixed", "scarce", 6),
        insufficient("Of Sencha, 5 can be ordered, not 6.", "quantity", "scarce", 6, 5),
    ),
    (
        "an order that is shipped",
        "changeOrderItemQuantity",
        set_quantity("shipped"),
        in_status("SHIPPED", "CHANGE_ITEM_QUANTITY", "A shipped order cannot have its quantities changed."),
    ),
    (
        "a version that is not the current one",
        "changeOrderItemQuantity",
        set_quantity(expectedVersion=7),
        conflict(7, 1),
    ),
    ("an order id that is none", "removeOrderItem", remove(orderId="7"), invalid(NO_UUID, "orderId")),
    ("an order that is not there", "removeOrderItem", remove(orderId=UNKNOWN), NO_ORDER),
    ("a product id that is none", "removeOrderItem", remove(productId="7"), invalid(NO_UUID, "productId")),
    ("a product that the order does not have", "removeOrderItem", remove(product="rare"), not_in_it("rare")),
    (
        "the last item",
        "removeOrderItem",
        remove("pending", "tea"),
        invalid("The last item cannot be removed; cancel the order instead.", "productId"),
    ),
    (
        "to leave gifts alone",
        "removeOrderItem",
        remove("mixed", "scarce"),
        invalid("Order total must be positive", "productId"),
    ),
    (
        "an order that is paid",
        "removeOrderItem",
        remove("paid", "tea"),
        in_status("PAID", "REMOVE_ITEM", "A paid order cannot have items removed."),
    ),
    ("a version that is not the current one", "removeOrderItem", remove(expectedVersion=7), conflict(7, 1)),
    ("an order id that is none", "deliverOrder", of_order("shipped", orderId="7"), invalid(NO_UUID, "orderId")),
    ("an order that is not there", "deliverOrder", of_order("shipped", orderId=UNKNOWN), NO_ORDER),
    (
        "an order that is pending",
        "deliverOrder",
        of_order("pending"),
        in_status("PENDING", "DELIVER", "A pending order cannot be delivered; pay and ship it first."),
    ),
    (
        "an order that is paid",
        "deliverOrder",
        of_order("paid"),
        in_status("PAID", "DELIVER", "A paid order cannot be delivered; ship it first."),
    ),
    (
        "a version that is not the current one",
        "deliverOrder",
        of_order("shipped", expectedVersion=7),
        conflict(7, 3),
    ),
    ("an order id that is none", "cancelOrder", end("paid", orderId="7"), invalid(NO_UUID, "orderId")),
    ("an order that is not there", "cancelOrder", end("paid", orderId=UNKNOWN), NO_ORDER),
    *text_in("cancelOrder", lambda **given: end("paid", **given), "reason", "The reason"),
    (
        "an order that is shipped",
        "cancelOrder",
        end("shipped"),
        in_status("SHIPPED", "CANCEL", "A shipped order cannot be cancelled; refund it instead."),
    ),
    ("a version that is not the current one", "cancelOrder", end("paid", expectedVersion=7), conflict(7, 2)),
    ("an order id that is none", "refundOrder", end("paid", orderId="7"), invalid(NO_UUID, "orderId")),
    ("an order that is not there", "refundOrder", end("paid", orderId=UNKNOWN), NO_ORDER),
    *text_in("refundOrder", lambda **given: end("paid", **given), "reason", "The reason"),
    (
        "an order that is pending",
        "refundOrder",
        end("pending"),
        in_status("PENDING", "REFUND", "A pending order cannot be refunded; cancel it instead."),
    ),
    ("a version that is not the current one", "refundOrder", end("paid", expectedVersion=7), conflict(7, 2)),
]
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
