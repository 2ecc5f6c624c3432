"""What a new order is refused for."""

from uuid import uuid4

from tests.support.refusing import NO_USER, NO_UUID, QUANTITY, UNKNOWN, Case, invalid, not_found, order, refusal

REFUSED: list[Case] = [
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
]
