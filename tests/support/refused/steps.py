"""What an order's way from payment to its end is refused for."""

from tests.support.refusing import (
    CONTROLS,
    NO_ORDER,
    NO_UUID,
    TOO_LONG,
    UNKNOWN,
    VERSION,
    Case,
    conflict,
    end,
    in_status,
    invalid,
    of_order,
    pay,
    refusal,
    ship,
    text_in,
)

REFUSED: list[Case] = [
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
