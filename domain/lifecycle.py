"""The lifecycle of an order: one table of transitions, for the commands and for what may be done next alike."""

from collections.abc import Mapping
from enum import StrEnum

from domain.errors import InvalidTransition


class Status(StrEnum):
    PENDING = "pending"
    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


class Action(StrEnum):
    ADD_ITEM = "add_item"
    CHANGE_ITEM_QUANTITY = "change_item_quantity"
    REMOVE_ITEM = "remove_item"
    PAY = "pay"
    SHIP = "ship"
    DELIVER = "deliver"
    CANCEL = "cancel"
    REFUND = "refund"


# Each action: the statuses that take it, and the status it leads to.
TRANSITIONS: Mapping[Action, Mapping[Status, Status]] = {
    Action.ADD_ITEM: {Status.PENDING: Status.PENDING},
    Action.CHANGE_ITEM_QUANTITY: {Status.PENDING: Status.PENDING},
    Action.REMOVE_ITEM: {Status.PENDING: Status.PENDING},
    Action.PAY: {Status.PENDING: Status.PAID},
    Action.SHIP: {Status.PAID: Status.SHIPPED},
    Action.DELIVER: {Status.SHIPPED: Status.DELIVERED},
    Action.CANCEL: {Status.PENDING: Status.CANCELLED, Status.PAID: Status.CANCELLED},
    Action.REFUND: {
        Status.PAID: Status.REFUNDED,
        Status.SHIPPED: Status.REFUNDED,
        Status.DELIVERED: Status.REFUNDED,
    },
}

# A refund gives the pieces back to the stock, unless they have left the house.
RESTOCKED_WHEN_REFUNDED = frozenset({Status.PAID})

_CANNOT = {
    Action.ADD_ITEM: "takes no more items",
    Action.CHANGE_ITEM_QUANTITY: "cannot have its quantities changed",
    Action.REMOVE_ITEM: "cannot have items removed",
    Action.PAY: "cannot be paid",
    Action.SHIP: "cannot be shipped",
    Action.DELIVER: "cannot be delivered",
    Action.CANCEL: "cannot be cancelled",
    Action.REFUND: "cannot be refunded",
}
_INSTEAD = {
    (Status.PENDING, Action.SHIP): "pay it first",
    (Status.PENDING, Action.DELIVER): "pay and ship it first",
    (Status.PENDING, Action.REFUND): "cancel it instead",
    (Status.PAID, Action.DELIVER): "ship it first",
    (Status.SHIPPED, Action.CANCEL): "refund it instead",
    (Status.DELIVERED, Action.CANCEL): "refund it instead",
}


def move(status: Status, action: Action) -> Status:
    """Return the status that `action` leads to from `status`, or refuse with InvalidTransition."""
    after = TRANSITIONS[action].get(status)
    if after is None:
        raise InvalidTransition(refusal(status, action), ("orderId",), status=status, action=action)
    return after


def refusal(status: Status, action: Action) -> str:
    """Say why an order of this status does not take an action, and what to do instead."""
    instead = _INSTEAD.get((status, action))
    return f"A {status} order {_CANNOT[action]}" + (f"; {instead}." if instead else ".")


def blocked(status: Status, action: Action, *, lines: int, most_lines: int) -> str | None:
    """Return why an order would not take an action now; None where it would."""
    if status not in TRANSITIONS[action]:
        return refusal(status, action)
    if action is Action.REMOVE_ITEM and lines == 1:
        return "The last item cannot be removed; cancel the order instead."
    if action is Action.ADD_ITEM and lines >= most_lines:
        return f"An order has at most {most_lines} items."
    return None
