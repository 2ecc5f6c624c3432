"""What happened to an order, as people may read it: an entry an event, kept in the order's row."""

from typing import Any

from domain.events import (
    Event,
    Fact,
    OrderCancelled,
    OrderCreated,
    OrderItemAdded,
    OrderItemQuantityChanged,
    OrderItemRemoved,
    OrderPaid,
    OrderRefunded,
    OrderShipped,
    Unreadable,
)
from projections.text import text

Entry = dict[str, Any]


def happened(event: Event) -> Entry:
    return {
        "version": event.version,
        "type": type(event.fact).__name__,
        "at": text(event.at),
        "actor": event.actor,
        "details": _details(event.fact),
    }


def _details(fact: Fact | Unreadable) -> Entry:
    """Return what is worth telling of a fact, by the contract's names."""
    match fact:
        case OrderCreated():
            return {"total": str(fact.total), "currency": fact.currency, "itemCount": len(fact.lines)}
        case OrderItemAdded() | OrderItemRemoved():
            line = fact.line
            item = {"productId": text(line.product_id), "name": line.name, "quantity": line.quantity}
            return item | {"unitPrice": str(line.unit_price), "total": str(fact.total)}
        case OrderItemQuantityChanged():
            quantities = {"quantityBefore": fact.before, "quantity": fact.quantity}
            return {"productId": text(fact.product_id), **quantities, "total": str(fact.total)}
        case OrderPaid():
            return {"paymentReference": fact.payment_reference}
        case OrderShipped():
            return {"carrier": fact.carrier, "trackingNumber": fact.tracking_number}
        case OrderCancelled():
            return {"reason": fact.reason}
        case OrderRefunded():
            return {"reason": fact.reason, "restocked": fact.restocked}
    return {}
