"""The whole cycle through HTTP: register, add a product, order, read, pay, ship, and look at it from every side."""

from unittest.mock import ANY
from uuid import uuid4

from tests.support.client import Client
from tests.support.told import ORDER, PRODUCT, USER, actions, happened, usd


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
