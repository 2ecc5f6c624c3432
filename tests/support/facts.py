"""One fact of each kind, of one user who buys two products, and events that hold them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from domain.event_log import partition_of_product, partition_of_user
from domain.events import (
    Event,
    Fact,
    OrderCreated,
    OrderLine,
    OrderPaid,
    OrderShipped,
    ProductAdded,
    UserRegistered,
)

USER_ID = UUID("0190b6a4-0000-7000-8000-000000000001")
TEA_ID = UUID("0190b6a4-0000-7000-8000-000000000002")
MUG_ID = UUID("0190b6a4-0000-7000-8000-000000000003")
ORDER_ID = UUID("0190b6a4-0000-7000-8000-000000000004")
START = datetime(2026, 1, 31, 12, tzinfo=UTC)

REGISTERED = UserRegistered(user_id=USER_ID, name="Ada", email="ada@example.com")
ADDED = ProductAdded(product_id=TEA_ID, sku="TEA", name="Tea, green", price=Decimal("9.99"), currency="USD", stock=100)
CREATED = OrderCreated(
    order_id=ORDER_ID,
    number="100001",
    user_id=USER_ID,
    user_name="Ada",
    user_email="ada@example.com",
    lines=(
        OrderLine(product_id=TEA_ID, sku="TEA", name="Tea, green", quantity=2, unit_price=Decimal("9.99")),
        OrderLine(product_id=MUG_ID, sku="MUG", name="Mug", quantity=1, unit_price=Decimal("0.01")),
    ),
    total=Decimal("19.99"),
    currency="USD",
)
PAID = OrderPaid(order_id=ORDER_ID, user_id=USER_ID, payment_reference="pi_1")
SHIPPED = OrderShipped(order_id=ORDER_ID, user_id=USER_ID, carrier="DHL", tracking_number="JD01")


def event(fact: Fact, *, version: int = 1, minutes: int = 0) -> Event:
    """Return a fact as the event of that version of its stream, `minutes` after the start."""
    match fact:
        case UserRegistered():
            stream_type, stream_id, partition = "user", fact.user_id, partition_of_user(fact.user_id)
        case ProductAdded():
            stream_type, stream_id, partition = "product", fact.product_id, partition_of_product(fact.product_id)
        case OrderCreated() | OrderPaid() | OrderShipped():
            stream_type, stream_id, partition = "order", fact.order_id, partition_of_user(fact.user_id)
    return Event(
        stream_type=stream_type,
        stream_id=stream_id,
        version=version,
        fact=fact,
        at=START + timedelta(minutes=minutes),
        actor="staff:tests",
        partition=partition,
    )
