"""A customer who wants everything a shop has commands for, in lives of orders that mostly make sense."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

Given = dict[str, Any]

_PLENTY = 1_000_000
# How often each command is wanted, if its turn makes sense.
_WEIGHTS = {
    "createOrder": 30,
    "payOrder": 14,
    "shipOrder": 9,
    "deliverOrder": 6,
    "cancelOrder": 4,
    "refundOrder": 4,
    "addOrderItem": 8,
    "changeOrderItemQuantity": 6,
    "removeOrderItem": 4,
    "registerUser": 3,
    "renameUser": 5,
    "changeUserEmail": 2,
    "addProduct": 2,
    "renameProduct": 2,
    "changeProductPrice": 2,
    "restockProduct": 4,
    "retireProduct": 1,
}
# Which statuses of an order a command is tried on, and which one it leads to.
_MOVES: dict[str, tuple[tuple[str, ...], str]] = {
    "payOrder": (("pending",), "paid"),
    "shipOrder": (("paid",), "shipped"),
    "deliverOrder": (("shipped",), "delivered"),
    "cancelOrder": (("pending", "paid"), "cancelled"),
    "refundOrder": (("paid", "shipped", "delivered"), "refunded"),
    "addOrderItem": (("pending",), "pending"),
    "changeOrderItemQuantity": (("pending",), "pending"),
    "removeOrderItem": (("pending",), "pending"),
}


@dataclass(slots=True, kw_only=True)
class Customer:
    """Knows the users, products and orders that came of its own commands."""

    chance: random.Random
    users: list[str] = field(default_factory=list)
    products: list[str] = field(default_factory=list)
    orders: dict[str, str] = field(default_factory=dict)
    """The status of each."""
    lines: dict[str, list[str]] = field(default_factory=dict)
    """The products of each order."""

    def wants(self) -> tuple[str, Given]:
        """Return a command that can be given now: its field, and its input."""
        if not self.users:
            return "registerUser", self._register_user()
        if len(self.products) < 3:
            return "addProduct", self._add_product()
        while True:
            [name] = self.chance.choices(list(_WEIGHTS), weights=list(_WEIGHTS.values()))
            given = self._order_change(name) if name in _MOVES else self._others()[name]()
            if given is not None:
                return name, given

    def note(self, name: str, given: Given) -> None:
        """Take in that a command was accepted."""
        match name:
            case "registerUser":
                self.users.append(given["id"])
            case "addProduct":
                self.products.append(given["id"])
            case "retireProduct":
                self.products.remove(given["productId"])
            case "createOrder":
                self.orders[given["id"]] = "pending"
                self.lines[given["id"]] = [item["productId"] for item in given["items"]]
            case "addOrderItem":
                self.lines[given["orderId"]].append(given["item"]["productId"])
            case "removeOrderItem":
                self.lines[given["orderId"]].remove(given["productId"])
        if name in _MOVES:
            self.orders[given["orderId"]] = _MOVES[name][1]

    def _others(self) -> dict[str, Callable[[], Given | None]]:
        return {
            "createOrder": self._create_order,
            "registerUser": self._register_user,
            "renameUser": lambda: {"userId": self._any(self.users), "name": f"Name {self.chance.random()}"},
            "changeUserEmail": lambda: {"userId": self._any(self.users), "email": f"{uuid4().hex}@example.com"},
            "addProduct": self._add_product,
            "renameProduct": lambda: {"productId": self._any(self.products), "name": f"Tea {self.chance.random()}"},
            "changeProductPrice": lambda: {"productId": self._any(self.products), "price": self._price()},
            "restockProduct": lambda: {"productId": self._any(self.products), "quantity": self.chance.randint(-2, 9)},
            "retireProduct": lambda: {"productId": self._any(self.products)} if len(self.products) > 3 else None,
        }

    def _register_user(self) -> Given:
        return {"id": str(uuid4()), "name": f"Name {self.chance.random()}", "email": f"{uuid4().hex}@example.com"}

    def _add_product(self) -> Given:
        return {"id": str(uuid4()), "sku": uuid4().hex, "name": "Tea", "price": self._price(), "stock": _PLENTY}

    def _create_order(self) -> Given:
        wanted = self.chance.sample(self.products, self.chance.randint(1, 3))
        return {"id": str(uuid4()), "userId": self._any(self.users), "items": [self._item(each) for each in wanted]}

    def _order_change(self, name: str) -> Given | None:
        statuses, _ = _MOVES[name]
        orders = [order for order, status in list(self.orders.items())[-50:] if status in statuses]
        if not orders:
            return None
        return self._change_of(name, self._any(orders))

    def _change_of(self, name: str, order: str) -> Given | None:
        mine, others = self.lines[order], [each for each in self.products if each not in self.lines[order]]
        changes: dict[str, Callable[[], Given | None]] = {
            "addOrderItem": lambda: {"item": self._item(self._any(others))} if others else None,
            "changeOrderItemQuantity": lambda: self._item(self._any(mine)),
            "removeOrderItem": lambda: {"productId": self._any(mine)} if len(mine) > 1 else None,
            "payOrder": lambda: {"paymentReference": "pi_1"},
            "shipOrder": lambda: {"carrier": "DHL", "trackingNumber": "1Z"},
            "deliverOrder": dict,
            "cancelOrder": lambda: {"reason": "changed my mind"},
            "refundOrder": lambda: {"reason": "never arrived"},
        }
        change = changes[name]()
        return None if change is None else {"orderId": order, **change}

    def _item(self, product: str) -> Given:
        return {"productId": product, "quantity": self.chance.randint(1, 5)}

    def _price(self) -> str:
        return f"{self.chance.randint(1, 99)}.{self.chance.randint(10, 99)}"

    def _any(self, among: list[str]) -> str:
        return self.chance.choice(among)
