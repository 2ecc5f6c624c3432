"""An order that is given one command after the other, and what must then be shown of it."""

from typing import Any
from unittest.mock import ANY
from uuid import uuid4

from tests.support.client import Answer, Client

ORDER = """
    id number userId userName userEmail total { amount currency } itemCount itemNames
    items { productId sku name quantity unitPrice { amount currency } lineTotal { amount currency } }
    status paymentReference carrier trackingNumber cancellationReason createdAt updatedAt version stale
    timeline { version type at actor details } availableActions { name allowed reason }
"""
USER = "id name email orderCount totalSpent { amount currency } lastOrderAt createdAt updatedAt version"
PRODUCT = """
    id sku name price { amount currency } stock retired unitsSold revenue { amount currency }
    createdAt updatedAt version
"""


OPEN_TO = {
    "PENDING": {"ADD_ITEM", "CHANGE_ITEM_QUANTITY", "REMOVE_ITEM", "PAY", "CANCEL"},
    "PAID": {"SHIP", "CANCEL", "REFUND"},
    "SHIPPED": {"DELIVER", "REFUND"},
    "DELIVERED": {"REFUND"},
    "CANCELLED": set(),
    "REFUNDED": set(),
}
CLOSED_TO = {
    "ADD_ITEM": "takes no more items",
    "CHANGE_ITEM_QUANTITY": "cannot have its quantities changed",
    "REMOVE_ITEM": "cannot have items removed",
    "PAY": "cannot be paid",
    "SHIP": "cannot be shipped",
    "DELIVER": "cannot be delivered",
    "CANCEL": "cannot be cancelled",
    "REFUND": "cannot be refunded",
}
INSTEAD = {
    ("PENDING", "SHIP"): "; pay it first",
    ("PENDING", "DELIVER"): "; pay and ship it first",
    ("PENDING", "REFUND"): "; cancel it instead",
    ("PAID", "DELIVER"): "; ship it first",
    ("SHIPPED", "CANCEL"): "; refund it instead",
    ("DELIVERED", "CANCEL"): "; refund it instead",
}
LAST_ITEM = "The last item cannot be removed; cancel the order instead."


def actions(status: str, *, items: int) -> list[Answer]:
    """Return what may be done next with an order, and why not."""

    def reason(name: str) -> str | None:
        if name not in OPEN_TO[status]:
            return f"A {status.lower()} order {CLOSED_TO[name]}{INSTEAD.get((status, name), '')}."
        return LAST_ITEM if name == "REMOVE_ITEM" and items == 1 else None

    return [{"name": name, "allowed": reason(name) is None, "reason": reason(name)} for name in CLOSED_TO]


def happened(version: int, type_: str, by: str, at: object = ANY, **details: Any) -> Answer:
    return {"version": version, "type": type_, "at": at, "actor": by, "details": details}


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


class Told:
    """An order that is given one command after the other; what is answered is compared whole, at every step."""

    def __init__(self, nobody: Client, staff: Client, **stock: int) -> None:
        self.staff = staff
        self.user = nobody.registered()
        self.customer = nobody.as_customer(self.user)
        self.skus = {name: f"{name} {uuid4().hex}" for name in stock}
        self.products = {name: staff.added(name, sku=self.skus[name], stock=stock[name]) for name in stock}
        first = next(iter(self.products))
        placed = self.customer.give(
            "createOrder",
            {"userId": self.user, "items": [{"productId": self.products[first], "quantity": 2}]},
            select=f"orderId order {{ {ORDER} }}",
        )
        self.order: Answer = placed["order"]
        assert self.order["timeline"] == [
            happened(
                1, "OrderCreated", self.by_customer, self.order["createdAt"], total="19.98", currency="USD", itemCount=1
            )
        ]
        assert self.order["availableActions"] == actions("PENDING", items=1)

    @property
    def by_customer(self) -> str:
        return f"customer:{self.user}"

    def then(
        self, field: str, given: Answer, type_: str, details: Answer, *, by: Client | None = None, **changed: Any
    ) -> None:
        """Give a command; the order is then what it was, with these changes and one more entry in its timeline."""
        sender = by or self.staff
        actor = "staff:tests" if sender is self.staff else self.by_customer
        answer = sender.give(field, {"orderId": self.order["id"]} | given, select=f"orderId order {{ {ORDER} }}")
        version = self.order["version"] + 1
        at = answer["order"]["updatedAt"]
        assert at >= self.order["updatedAt"]
        expected = self.order | {"version": version, "updatedAt": at} | changed
        expected["timeline"] = [*self.order["timeline"], happened(version, type_, actor, at, **details)]
        expected["availableActions"] = actions(expected["status"], items=expected["itemCount"])
        assert answer == {
            "__typename": "OrderAccepted",
            "orderId": self.order["id"],
            "version": version,
            "token": ANY,
            "replayed": False,
            "order": expected,
        }
        self.order = expected

    def item(self, name: str, quantity: int, total: str) -> Answer:
        return {
            "productId": self.products[name],
            "sku": self.skus[name],
            "name": name,
            "quantity": quantity,
            "unitPrice": usd("9.99"),
            "lineTotal": usd(total),
        }

    def around(self) -> Answer:
        """Return what the views of its user and its products show of the order."""
        products = " ".join(
            f'{name}: product(id: "{key}") {{ stock unitsSold revenue {{ amount }} }}'
            for name, key in self.products.items()
        )
        return self.staff.ask(f'{{ user(id: "{self.user}") {{ orderCount totalSpent {{ amount }} }} {products} }}')
