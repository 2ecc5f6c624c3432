"""Orders, users and products from their first day to their last: every step is told whole, and moves nothing else."""

from time import monotonic, sleep
from unittest.mock import ANY
from uuid import uuid4

import pytest

from tests.support.client import Answer, Client
from tests.support.told import PRODUCT, USER, Told, usd


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
