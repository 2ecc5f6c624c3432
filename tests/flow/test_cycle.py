"""The whole cycle through HTTP: register, add a product, order, read, pay, ship, and look at it from every side."""

from time import monotonic, sleep
from typing import Any
from unittest.mock import ANY
from uuid import uuid4

import pytest

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


class TestTheCycle:
    def test_shows_what_was_written_at_every_step(self, nobody: Client, staff: Client) -> None:
        user_id, product_id, other_id, order_id = (str(uuid4()) for _ in range(4))
        email, sku = f"{user_id}@example.com", product_id

        registered = nobody.give(
            "registerUser", {"id": user_id, "name": "Ada", "email": email}, select=f"userId user {{ {USER} }}"
        )
        user = {
            "id": user_id,
            "name": "Ada",
            "email": email,
            "orderCount": 0,
            "totalSpent": usd("0.00"),
            "lastOrderAt": None,
            "createdAt": ANY,
            "updatedAt": ANY,
            "version": 1,
        }
        assert registered == {
            "__typename": "UserAccepted",
            "userId": user_id,
            "version": 1,
            "token": ANY,
            "replayed": False,
            "user": user,
        }
        customer = nobody.as_customer(user_id)

        added = staff.give(
            "addProduct",
            {"id": product_id, "sku": sku, "name": "Tea", "price": "9.99", "stock": 10},
            select=f"productId product {{ {PRODUCT} }}",
        )
        product = {
            "id": product_id,
            "sku": sku,
            "name": "Tea",
            "price": usd("9.99"),
            "stock": 10,
            "retired": False,
            "unitsSold": 0,
            "revenue": usd("0.00"),
            "createdAt": ANY,
            "updatedAt": ANY,
            "version": 1,
        }
        assert added == {
            "__typename": "ProductAccepted",
            "productId": product_id,
            "version": 1,
            "token": ANY,
            "replayed": False,
            "product": product,
        }
        staff.added("Pot", id=other_id, sku=other_id, price="20")

        ordered = customer.give(
            "createOrder",
            {
                "id": order_id,
                "userId": user_id,
                "items": [{"productId": product_id, "quantity": 3}, {"productId": other_id, "quantity": 1}],
                "expectedTotal": "49.97",
            },
            select=f"orderId order {{ {ORDER} }}",
        )
        order = {
            "id": order_id,
            "number": ANY,
            "userId": user_id,
            "userName": "Ada",
            "userEmail": email,
            "total": usd("49.97"),
            "itemCount": 2,
            "itemNames": "Tea, Pot",
            "items": [
                {
                    "productId": product_id,
                    "sku": sku,
                    "name": "Tea",
                    "quantity": 3,
                    "unitPrice": usd("9.99"),
                    "lineTotal": usd("29.97"),
                },
                {
                    "productId": other_id,
                    "sku": other_id,
                    "name": "Pot",
                    "quantity": 1,
                    "unitPrice": usd("20.00"),
                    "lineTotal": usd("20.00"),
                },
            ],
            "status": "PENDING",
            "paymentReference": None,
            "carrier": None,
            "trackingNumber": None,
            "cancellationReason": None,
            "createdAt": ANY,
            "updatedAt": ordered["order"]["createdAt"],
            "version": 1,
            "stale": False,
            "timeline": [
                happened(1, "OrderCreated", f"customer:{user_id}", total="49.97", currency="USD", itemCount=2)
            ],
            "availableActions": actions("PENDING", items=2),
        }
        assert ordered == {
            "__typename": "OrderAccepted",
            "orderId": order_id,
            "version": 1,
            "token": ANY,
            "replayed": False,
            "order": order,
        }
        assert ordered["order"]["number"].isdigit()
        order |= {"number": ordered["order"]["number"], "createdAt": ordered["order"]["createdAt"]}

        paid = staff.give("payOrder", {"orderId": order_id, "paymentReference": "pi_1"})
        assert paid == {"__typename": "OrderAccepted", "version": 2, "token": ANY, "replayed": False}
        read = f"query ($id: ID!, $token: ConsistencyToken) {{ order(id: $id, consistentWith: $token) {{ {ORDER} }} }}"
        order |= {"status": "PAID", "paymentReference": "pi_1", "version": 2, "updatedAt": ANY}
        order["timeline"] += [happened(2, "OrderPaid", "staff:tests", paymentReference="pi_1")]
        order["availableActions"] = actions("PAID", items=2)
        assert customer.ask(read, id=order_id, token=paid["token"]) == {"order": order}

        shipped = staff.give("shipOrder", {"orderId": order_id, "carrier": "DHL", "trackingNumber": "1Z"})
        order |= {"status": "SHIPPED", "carrier": "DHL", "trackingNumber": "1Z", "version": 3}
        order["timeline"] += [happened(3, "OrderShipped", "staff:tests", carrier="DHL", trackingNumber="1Z")]
        order["availableActions"] = actions("SHIPPED", items=2)
        listed = f"""
            query ($id: ID!, $token: ConsistencyToken) {{
              userOrders(userId: $id, consistentWith: $token) {{
                nodes {{ {ORDER} }} totalCount pageInfo {{ hasNextPage hasPreviousPage }}
              }}
            }}
        """
        assert customer.ask(listed, id=user_id, token=shipped["token"]) == {
            "userOrders": {
                "nodes": [order],
                "totalCount": 1,
                "pageInfo": {"hasNextPage": False, "hasPreviousPage": False},
            }
        }
        assert customer.ask(read, id=order_id, token=None)["order"]["updatedAt"] > order["createdAt"]

        around = f"""
            query ($user: ID!, $product: ID!, $token: ConsistencyToken) {{
              user(id: $user, consistentWith: $token) {{ {USER} orders {{ nodes {{ id }} }} }}
              product(id: $product, consistentWith: $token) {{ {PRODUCT} }}
            }}
        """
        assert customer.ask(around, user=user_id, product=product_id, token=shipped["token"]) == {
            "user": user
            | {
                "orderCount": 1,
                "totalSpent": usd("49.97"),
                "lastOrderAt": order["createdAt"],
                "orders": {"nodes": [{"id": order_id}]},
            },
            "product": product | {"stock": 7, "unitsSold": 3, "revenue": usd("29.97")},
        }

    def test_can_be_walked_by_tokens_alone(self, nobody: Client, staff: Client) -> None:
        registered = nobody.give(
            "registerUser", {"name": "Ada", "email": f"{uuid4().hex}@example.com"}, select="userId"
        )
        read = "query ($id: ID!, $token: ConsistencyToken) { user(id: $id, consistentWith: $token) { name version } }"
        assert staff.ask(read, id=registered["userId"], token=registered["token"]) == {
            "user": {"name": "Ada", "version": 1}
        }


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


def counted(stock: int, sold: int, revenue: str) -> Answer:
    return {"stock": stock, "unitsSold": sold, "revenue": {"amount": revenue}}


def spent(amount: str) -> Answer:
    return {"orderCount": 1, "totalSpent": {"amount": amount}}


def settled(told: Told, **expected: Answer) -> None:
    """Compare the views around an order, once those of the products have come as far as the order's own."""
    until = monotonic() + 5
    while (found := told.around()) != expected and monotonic() < until:
        sleep(0.02)
    assert found == expected


class TestAnOrder:
    def test_goes_all_the_way_from_its_first_item_to_its_refund(self, nobody: Client, staff: Client) -> None:
        told = Told(nobody, staff, Tea=10, Mug=10)
        tea, mug = told.products.values()
        told.then(
            "addOrderItem",
            {"item": {"productId": mug, "quantity": 3}},
            "OrderItemAdded",
            {"productId": mug, "name": "Mug", "quantity": 3, "unitPrice": "9.99", "total": "49.95"},
            by=told.customer,
            items=[told.item("Tea", 2, "19.98"), told.item("Mug", 3, "29.97")],
            itemCount=2,
            itemNames="Tea, Mug",
            total=usd("49.95"),
        )
        settled(told, user=spent("49.95"), Tea=counted(8, 2, "19.98"), Mug=counted(7, 3, "29.97"))
        told.then(
            "changeOrderItemQuantity",
            {"productId": mug, "quantity": 1},
            "OrderItemQuantityChanged",
            {"productId": mug, "quantityBefore": 3, "quantity": 1, "total": "29.97"},
            by=told.customer,
            items=[told.item("Tea", 2, "19.98"), told.item("Mug", 1, "9.99")],
            total=usd("29.97"),
        )
        settled(told, user=spent("29.97"), Tea=counted(8, 2, "19.98"), Mug=counted(9, 1, "9.99"))
        told.then(
            "removeOrderItem",
            {"productId": tea},
            "OrderItemRemoved",
            {"productId": tea, "name": "Tea", "quantity": 2, "unitPrice": "9.99", "total": "9.99"},
            by=told.customer,
            items=[told.item("Mug", 1, "9.99")],
            itemCount=1,
            itemNames="Mug",
            total=usd("9.99"),
        )
        settled(told, user=spent("9.99"), Tea=counted(10, 0, "0.00"), Mug=counted(9, 1, "9.99"))
        told.then(
            "payOrder",
            {"paymentReference": "pi_1"},
            "OrderPaid",
            {"paymentReference": "pi_1"},
            status="PAID",
            paymentReference="pi_1",
        )
        told.then(
            "shipOrder",
            {"carrier": "DHL", "trackingNumber": "1Z"},
            "OrderShipped",
            {"carrier": "DHL", "trackingNumber": "1Z"},
            status="SHIPPED",
            carrier="DHL",
            trackingNumber="1Z",
        )
        told.then("deliverOrder", {}, "OrderDelivered", {}, status="DELIVERED")
        settled(told, user=spent("9.99"), Tea=counted(10, 0, "0.00"), Mug=counted(9, 1, "9.99"))
        told.then(
            "refundOrder",
            {"reason": "it leaks"},
            "OrderRefunded",
            {"reason": "it leaks", "restocked": False},
            status="REFUNDED",
            cancellationReason="it leaks",
        )
        settled(told, user=spent("0.00"), Tea=counted(10, 0, "0.00"), Mug=counted(9, 1, "0.00"))

    @pytest.mark.parametrize("paid", [False, True])
    def test_that_is_cancelled_gives_its_pieces_back(self, paid: bool, nobody: Client, staff: Client) -> None:
        told = Told(nobody, staff, Tea=10)
        if paid:
            told.then(
                "payOrder",
                {"paymentReference": "pi_1"},
                "OrderPaid",
                {"paymentReference": "pi_1"},
                status="PAID",
                paymentReference="pi_1",
            )
        told.then(
            "cancelOrder",
            {"reason": "changed my mind"},
            "OrderCancelled",
            {"reason": "changed my mind"},
            by=told.customer,
            status="CANCELLED",
            cancellationReason="changed my mind",
        )
        settled(told, user=spent("0.00"), Tea=counted(10, 0, "0.00"))

    def test_that_is_refunded_before_it_is_shipped_gives_them_back_too(self, nobody: Client, staff: Client) -> None:
        told = Told(nobody, staff, Tea=10)
        told.then(
            "payOrder",
            {"paymentReference": "pi_1"},
            "OrderPaid",
            {"paymentReference": "pi_1"},
            status="PAID",
            paymentReference="pi_1",
        )
        told.then(
            "refundOrder",
            {"reason": "sold out"},
            "OrderRefunded",
            {"reason": "sold out", "restocked": True},
            status="REFUNDED",
            cancellationReason="sold out",
        )
        settled(told, user=spent("0.00"), Tea=counted(10, 0, "0.00"))


class TestAUser:
    def test_under_a_new_name_and_address_is_shown_so_on_all_of_its_orders(self, nobody: Client, staff: Client) -> None:
        user, other, product = nobody.registered(), nobody.registered("Grace"), staff.added()
        customer = nobody.as_customer(user)
        for buyer in (user, user, other):
            staff.ordered(buyer, product)
        address = f"{uuid4().hex}@example.com"
        renamed = customer.give(
            "renameUser", {"userId": user, "name": "Ada Lovelace", "expectedVersion": 1}, select="user { name version }"
        )
        assert renamed["user"] == {"name": "Ada Lovelace", "version": 2}
        moved = customer.give("changeUserEmail", {"userId": user, "email": address}, select=f"user {{ {USER} }}")
        assert moved["user"] == {
            "id": user,
            "name": "Ada Lovelace",
            "email": address,
            "orderCount": 2,
            "totalSpent": usd("19.98"),
            "lastOrderAt": ANY,
            "createdAt": ANY,
            "updatedAt": ANY,
            "version": 3,
        }
        read = """
            query ($id: ID!, $token: ConsistencyToken) {
              userOrders(userId: $id, consistentWith: $token) { nodes { userName userEmail version } }
            }
        """
        shown = {"userName": "Ada Lovelace", "userEmail": address, "version": 1}
        assert customer.ask(read, id=user, token=moved["token"]) == {"userOrders": {"nodes": [shown, shown]}}
        [others] = staff.ask(read, id=other, token=None)["userOrders"]["nodes"]
        assert others["userName"] == "Grace"

    def test_may_take_an_address_that_another_has_left(self, nobody: Client) -> None:
        address = f"{uuid4().hex}@example.com"
        first, second = nobody.registered(email=address), nobody.registered()
        elsewhere = {"userId": first, "email": f"{uuid4().hex}@example.com"}
        assert nobody.as_customer(first).give("changeUserEmail", elsewhere)["version"] == 2
        taken = {"userId": second, "email": address.upper()}
        assert nobody.as_customer(second).give("changeUserEmail", taken)["version"] == 2

    def test_may_change_the_spelling_of_its_own_address(self, nobody: Client) -> None:
        address = f"{uuid4().hex}@example.com"
        user = nobody.registered(email=address)
        moved = {"userId": user, "email": address.upper()}
        answer = nobody.as_customer(user).give("changeUserEmail", moved, select="user { email }")
        assert answer["user"] == {"email": address.upper()}


class TestAProduct:
    def test_changes_for_later_orders_and_stays_in_earlier_ones_as_it_was(self, nobody: Client, staff: Client) -> None:
        user, product = nobody.registered(), staff.added("Tea", stock=5)
        before = staff.ordered(user, product, quantity=2)
        steps = [
            ("renameProduct", {"name": "Tea, green"}, {"name": "Tea, green"}),
            ("changeProductPrice", {"price": "12.5"}, {"price": usd("12.50")}),
            ("restockProduct", {"quantity": 7}, {"stock": 10}),
            ("restockProduct", {"quantity": -9}, {"stock": 1}),
        ]
        expected = staff.ask(f'{{ product(id: "{product}") {{ {PRODUCT} }} }}')["product"]
        for number, (field, given, changed) in enumerate(steps, start=2):
            answer = staff.give(field, {"productId": product} | given, select=f"product {{ {PRODUCT} }}")
            expected |= {"version": number, "updatedAt": ANY} | changed
            assert answer["product"] == expected, field
        after = staff.ordered(user, product)
        retired = staff.give("retireProduct", {"productId": product}, select="product { retired stock version }")
        assert retired["product"] == {"retired": True, "stock": 0, "version": 6}
        read = "query ($id: ID!) { order(id: $id) { itemNames total { amount } } }"
        assert [staff.ask(read, id=order_id)["order"] for order_id in (before, after)] == [
            {"itemNames": "Tea", "total": {"amount": "19.98"}},
            {"itemNames": "Tea, green", "total": {"amount": "12.50"}},
        ]


class TestACommandSentAgain:
    def test_with_its_key_is_answered_alike_and_done_once(self, nobody: Client, staff: Client) -> None:
        user_id, product_id = nobody.registered(), staff.added(stock=10)
        order = {
            "userId": user_id,
            "items": [{"productId": product_id, "quantity": 4}],
            "idempotencyKey": uuid4().hex,
        }
        customer = nobody.as_customer(user_id)
        first = customer.give("createOrder", order, select="orderId order { number }")
        assert customer.give("createOrder", order, select="orderId order { number }") == first | {"replayed": True}
        read = "query ($id: ID!) { userOrders(userId: $id) { totalCount } }"
        assert customer.ask(read, id=user_id) == {"userOrders": {"totalCount": 1}}
