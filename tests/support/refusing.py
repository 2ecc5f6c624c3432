"""What refusals are tried on and answered with: users, products and orders in every state, commands, and answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

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
