"""What a change of an order's items is refused for."""

from tests.support.refusing import (
    NO_ORDER,
    NO_UUID,
    QUANTITY,
    UNKNOWN,
    Case,
    add_item,
    conflict,
    in_status,
    insufficient,
    invalid,
    not_found,
    not_in_it,
    remove,
    set_quantity,
)

REFUSED: list[Case] = [
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
]
