"""The rules of orders, pure: state and input to facts, or a refusal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from domain import money
from domain.errors import InsufficientStock, InvalidInput, InvalidTransition, NotFound, Path, TotalMismatch
from domain.events import OrderCreated, OrderLine, OrderPaid, OrderShipped
from domain.text import line

MOST_LINES = 200
LARGEST_QUANTITY = 10_000


class Status(StrEnum):
    PENDING = "pending"
    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


class Action(StrEnum):
    PAY = "pay"
    SHIP = "ship"


# Each action: the statuses that take it, and the status it leads to.
TRANSITIONS: Mapping[Action, Mapping[Status, Status]] = {
    Action.PAY: {Status.PENDING: Status.PAID},
    Action.SHIP: {Status.PAID: Status.SHIPPED},
}

_DONE = {Action.PAY: "paid", Action.SHIP: "shipped"}
_INSTEAD = {
    (Status.PENDING, Action.SHIP): "; pay it first",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line as it is asked for; unit_price None: the catalogue's."""

    product_id: UUID
    quantity: int
    unit_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueItem:
    """A product as an order sees it; stock None: not counted."""

    product_id: UUID
    sku: str
    name: str
    price: Decimal
    stock: int | None
    retired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    user_id: UUID
    name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    order_id: UUID
    user_id: UUID
    status: Status
    version: int


def check_lines(lines: Sequence[Line]) -> None:
    """Refuse what can be told from the lines alone, before anything is looked up."""
    if not lines:
        raise InvalidInput("An order needs at least one item.", ("items",))
    if len(lines) > MOST_LINES:
        raise InvalidInput(f"An order has at most {MOST_LINES} items; this one has {len(lines)}.", ("items",))
    seen: dict[UUID, int] = {}
    for index, wanted in enumerate(lines):
        first = seen.setdefault(wanted.product_id, index)
        if first != index:
            raise InvalidInput(
                f"The product of items.{first} comes again: order each product once, with the quantities added up.",
                _at(index, "productId"),
            )
        if not 1 <= wanted.quantity <= LARGEST_QUANTITY:
            raise InvalidInput(
                f"The quantity must be between 1 and {LARGEST_QUANTITY}; this one is {wanted.quantity}.",
                _at(index, "quantity"),
            )


def create(
    *,
    order_id: UUID,
    number: str,
    buyer: Buyer,
    lines: Sequence[Line],
    catalogue: Mapping[UUID, CatalogueItem],
    expected_total: Decimal | None,
    may_set_prices: bool,
) -> OrderCreated:
    """Decide on a new order of checked lines; `catalogue` holds those of its products that exist."""
    priced = tuple(
        _priced(index, wanted, catalogue, may_set_prices=may_set_prices) for index, wanted in enumerate(lines)
    )
    total = sum((item.total for item in priced), Decimal("0.00"))
    if total <= 0:
        raise InvalidInput("Order total must be positive", ("items",))
    if expected_total is not None and expected_total != total:
        raise TotalMismatch(
            f"The total is {total}, not {expected_total}: show it to the buyer, then order again with it.",
            ("expectedTotal",),
            expected_total=expected_total,
            actual_total=total,
        )
    return OrderCreated(
        order_id=order_id,
        number=number,
        user_id=buyer.user_id,
        user_name=buyer.name,
        user_email=buyer.email,
        lines=priced,
        total=total,
        currency=money.CURRENCY,
    )


def pay(order: OrderState, *, payment_reference: str) -> OrderPaid:
    reference = line(payment_reference, ("paymentReference",), what="The payment reference")
    move(order.status, Action.PAY)
    return OrderPaid(order_id=order.order_id, user_id=order.user_id, payment_reference=reference)


def ship(order: OrderState, *, carrier: str, tracking_number: str) -> OrderShipped:
    by = line(carrier, ("carrier",), what="The carrier")
    number = line(tracking_number, ("trackingNumber",), what="The tracking number")
    move(order.status, Action.SHIP)
    return OrderShipped(order_id=order.order_id, user_id=order.user_id, carrier=by, tracking_number=number)


def move(status: Status, action: Action) -> Status:
    """Return the status that `action` leads to from `status`, or refuse with InvalidTransition."""
    after = TRANSITIONS[action].get(status)
    if after is None:
        instead = _INSTEAD.get((status, action), "")
        raise InvalidTransition(
            f"A {status} order cannot be {_DONE[action]}{instead}.", ("orderId",), status=status, action=action
        )
    return after


def _priced(index: int, wanted: Line, catalogue: Mapping[UUID, CatalogueItem], *, may_set_prices: bool) -> OrderLine:
    item = catalogue.get(wanted.product_id)
    if item is None:
        raise NotFound("There is no product with this id.", _at(index, "productId"), id=wanted.product_id)
    if item.retired:
        raise InvalidInput(
            f"{item.name} is retired and can no longer be ordered: leave it out.", _at(index, "productId")
        )
    if item.stock is not None and item.stock < wanted.quantity:
        raise InsufficientStock(
            f"Of {item.name}, {item.stock} can be ordered, not {wanted.quantity}.",
            _at(index, "quantity"),
            product_id=item.product_id,
            requested=wanted.quantity,
            available=item.stock,
        )
    return OrderLine(
        product_id=item.product_id,
        sku=item.sku,
        name=item.name,
        quantity=wanted.quantity,
        unit_price=_unit_price(index, wanted, item, may_set_prices=may_set_prices),
    )


def _unit_price(index: int, wanted: Line, item: CatalogueItem, *, may_set_prices: bool) -> Decimal:
    if wanted.unit_price is None:
        return item.price
    if not may_set_prices:
        raise InvalidInput(
            "Only staff may set a price: leave unitPrice out, the catalogue's counts.", _at(index, "unitPrice")
        )
    return money.price(wanted.unit_price, _at(index, "unitPrice"), what="The unit price")


def _at(index: int, field: str) -> Path:
    return ("items", str(index), field)
