"""The rules of orders, pure: state and input to facts, or a refusal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from domain.errors import InsufficientStock, InvalidInput, NotFound, Path, TotalMismatch
from domain.events import (
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderItemAdded,
    OrderItemQuantityChanged,
    OrderItemRemoved,
    OrderLine,
    OrderPaid,
    OrderRefunded,
    OrderShipped,
)
from domain.lifecycle import RESTOCKED_WHEN_REFUNDED, Action, Status, move
from domain.money import LARGEST_TOTAL, Currency
from domain.text import line

MOST_LINES = 200
LARGEST_QUANTITY = 10_000
_NOT_POSITIVE = "Order total must be positive"


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
    currency: str
    stock: int | None
    retired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    user_id: UUID
    name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """In what an order is priced, and whether its sender may give prices of its own."""

    currency: Currency
    may_set_prices: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    order_id: UUID
    user_id: UUID
    status: Status
    currency: str
    version: int
    lines: tuple[OrderLine, ...] = ()
    """In their order; empty where a command does not need them."""

    @property
    def total(self) -> Decimal:
        return sum((item.total for item in self.lines), Decimal(0))

    def line_of(self, product_id: UUID) -> OrderLine:
        found = next((item for item in self.lines if item.product_id == product_id), None)
        if found is None:
            raise NotFound("This order has no item of this product.", ("productId",), id=product_id)
        return found


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
                ("items", str(index), "productId"),
            )
        check_quantity(wanted.quantity, ("items", str(index), "quantity"))


def check_quantity(quantity: int, path: Path) -> None:
    if not 1 <= quantity <= LARGEST_QUANTITY:
        raise InvalidInput(f"The quantity must be between 1 and {LARGEST_QUANTITY}; this one is {quantity}.", path)


def create(
    *,
    order_id: UUID,
    number: str,
    buyer: Buyer,
    lines: Sequence[Line],
    catalogue: Mapping[UUID, CatalogueItem],
    expected_total: Decimal | None,
    pricing: Pricing,
) -> OrderCreated:
    """Decide on a new order of checked lines; `catalogue` holds those of its products that exist."""
    priced = tuple(_priced(wanted, catalogue, pricing, ("items", str(index))) for index, wanted in enumerate(lines))
    total = _total(priced, ("items",))
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
        currency=pricing.currency.code,
    )


def add_item(
    order: OrderState, *, item: Line, catalogue: Mapping[UUID, CatalogueItem], pricing: Pricing
) -> OrderItemAdded:
    check_quantity(item.quantity, ("item", "quantity"))
    move(order.status, Action.ADD_ITEM)
    if any(has.product_id == item.product_id for has in order.lines):
        raise InvalidInput(
            "This order has an item of this product already: change its quantity instead.", ("item", "productId")
        )
    if len(order.lines) >= MOST_LINES:
        raise InvalidInput(f"An order has at most {MOST_LINES} items.", ("item",))
    if order.currency != pricing.currency.code:
        raise InvalidInput(
            f"This order is in {order.currency}, not in {pricing.currency.code}: place a new one.", ("orderId",)
        )
    added = _priced(item, catalogue, pricing, ("item",))
    total = _total((*order.lines, added), ("item",))
    return OrderItemAdded(
        order_id=order.order_id, user_id=order.user_id, line=added, total=total, currency=order.currency
    )


def change_quantity(
    order: OrderState, *, product_id: UUID, quantity: int, catalogue: Mapping[UUID, CatalogueItem]
) -> OrderItemQuantityChanged:
    check_quantity(quantity, ("quantity",))
    move(order.status, Action.CHANGE_ITEM_QUANTITY)
    current = order.line_of(product_id)
    if quantity == current.quantity:
        raise InvalidInput(f"The quantity is {quantity} already.", ("quantity",))
    item = catalogue[product_id]
    if item.retired and quantity > current.quantity:
        raise InvalidInput(f"{item.name} is retired: no more of it can be ordered.", ("quantity",))
    _check_stock(item, quantity, ("quantity",), has=current.quantity)
    changed = [replace(has, quantity=quantity) if has is current else has for has in order.lines]
    return OrderItemQuantityChanged(
        order_id=order.order_id,
        user_id=order.user_id,
        product_id=product_id,
        before=current.quantity,
        quantity=quantity,
        unit_price=current.unit_price,
        total=_total(changed, ("quantity",)),
        currency=order.currency,
    )


def remove_item(order: OrderState, *, product_id: UUID) -> OrderItemRemoved:
    move(order.status, Action.REMOVE_ITEM)
    removed = order.line_of(product_id)
    left = [has for has in order.lines if has is not removed]
    if not left:
        raise InvalidInput("The last item cannot be removed; cancel the order instead.", ("productId",))
    total = _total(left, ("productId",))
    return OrderItemRemoved(
        order_id=order.order_id, user_id=order.user_id, line=removed, total=total, currency=order.currency
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


def deliver(order: OrderState) -> OrderDelivered:
    move(order.status, Action.DELIVER)
    return OrderDelivered(order_id=order.order_id, user_id=order.user_id)


def cancel(order: OrderState, *, reason: str) -> OrderCancelled:
    why = line(reason, ("reason",), what="The reason")
    move(order.status, Action.CANCEL)
    return OrderCancelled(
        order_id=order.order_id,
        user_id=order.user_id,
        reason=why,
        lines=order.lines,
        total=order.total,
        currency=order.currency,
    )


def refund(order: OrderState, *, reason: str) -> OrderRefunded:
    why = line(reason, ("reason",), what="The reason")
    move(order.status, Action.REFUND)
    return OrderRefunded(
        order_id=order.order_id,
        user_id=order.user_id,
        reason=why,
        lines=order.lines,
        total=order.total,
        currency=order.currency,
        restocked=order.status in RESTOCKED_WHEN_REFUNDED,
    )


def _priced(wanted: Line, catalogue: Mapping[UUID, CatalogueItem], pricing: Pricing, path: Path) -> OrderLine:
    item = catalogue.get(wanted.product_id)
    if item is None:
        raise NotFound("There is no product with this id.", (*path, "productId"), id=wanted.product_id)
    if item.retired:
        raise InvalidInput(f"{item.name} is retired and can no longer be ordered: leave it out.", (*path, "productId"))
    if item.currency != pricing.currency.code:
        raise InvalidInput(
            f"{item.name} is priced in {item.currency}, not in {pricing.currency.code}: change its price first.",
            (*path, "productId"),
        )
    _check_stock(item, wanted.quantity, (*path, "quantity"))
    return OrderLine(
        product_id=item.product_id,
        sku=item.sku,
        name=item.name,
        quantity=wanted.quantity,
        unit_price=_unit_price(wanted, item, pricing, (*path, "unitPrice")),
    )


def _check_stock(item: CatalogueItem, wanted: int, path: Path, *, has: int = 0) -> None:
    """Refuse where the stock and the pieces that the order `has` already do not suffice."""
    if item.stock is not None and item.stock + has < wanted:
        raise InsufficientStock(
            f"Of {item.name}, {item.stock + has} can be ordered, not {wanted}.",
            path,
            product_id=item.product_id,
            requested=wanted,
            available=item.stock + has,
        )


def _unit_price(wanted: Line, item: CatalogueItem, pricing: Pricing, path: Path) -> Decimal:
    if wanted.unit_price is None:
        return item.price
    if not pricing.may_set_prices:
        raise InvalidInput("Only staff may set a price: leave unitPrice out, the catalogue's counts.", path)
    return pricing.currency.price(wanted.unit_price, path, what="The unit price")


def _total(lines: Sequence[OrderLine], path: Path) -> Decimal:
    total = sum((item.total for item in lines), Decimal(0))
    if total <= 0:
        raise InvalidInput(_NOT_POSITIVE, path)
    if total > LARGEST_TOTAL:
        raise InvalidInput(f"The order total must be at most {LARGEST_TOTAL}; split the order.", path)
    return total
