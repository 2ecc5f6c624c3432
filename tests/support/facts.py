"""One fact of each kind, of one user who buys two products, and events that hold them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from domain.event_log import partition_of_product, partition_of_user
from domain.events import (
    Event,
    Fact,
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
    ProductAdded,
    ProductPriceChanged,
    ProductRenamed,
    ProductRestocked,
    ProductRetired,
    UserEmailChanged,
    UserRegistered,
    UserRenamed,
)

USER_ID = UUID("0190b6a4-0000-7000-8000-000000000001")
TEA_ID = UUID("0190b6a4-0000-7000-8000-000000000002")
MUG_ID = UUID("0190b6a4-0000-7000-8000-000000000003")
ORDER_ID = UUID("0190b6a4-0000-7000-8000-000000000004")
POT_ID = UUID("0190b6a4-0000-7000-8000-000000000005")
START = datetime(2026, 1, 31, 12, tzinfo=UTC)

REGISTERED = UserRegistered(user_id=USER_ID, name="Ada", email="ada@example.com", currency="USD")
RENAMED = UserRenamed(user_id=USER_ID, name="Ada Lovelace")
EMAIL_CHANGED = UserEmailChanged(user_id=USER_ID, email="lovelace@example.com")

ADDED = ProductAdded(product_id=TEA_ID, sku="TEA", name="Tea, green", price=Decimal("9.99"), currency="USD", stock=100)
PRODUCT_RENAMED = ProductRenamed(product_id=TEA_ID, name="Tea, black")
PRICE_CHANGED = ProductPriceChanged(product_id=TEA_ID, price=Decimal("12.50"), currency="USD")
RESTOCKED = ProductRestocked(product_id=TEA_ID, quantity=-20)
RETIRED = ProductRetired(product_id=TEA_ID)

TWO_TEAS = OrderLine(product_id=TEA_ID, sku="TEA", name="Tea, green", quantity=2, unit_price=Decimal("9.99"))
A_MUG = OrderLine(product_id=MUG_ID, sku="MUG", name="Mug", quantity=1, unit_price=Decimal("0.01"))
THREE_POTS = OrderLine(product_id=POT_ID, sku="POT", name="Pot", quantity=3, unit_price=Decimal("5.00"))

CREATED = OrderCreated(
    order_id=ORDER_ID,
    number="100001",
    user_id=USER_ID,
    user_name="Ada",
    user_email="ada@example.com",
    lines=(TWO_TEAS, A_MUG),
    total=Decimal("19.99"),
    currency="USD",
)
# Each of these is what may come next after CREATED.
ITEM_ADDED = OrderItemAdded(order_id=ORDER_ID, user_id=USER_ID, line=THREE_POTS, total=Decimal("34.99"), currency="USD")
QUANTITY_CHANGED = OrderItemQuantityChanged(
    order_id=ORDER_ID,
    user_id=USER_ID,
    product_id=TEA_ID,
    before=2,
    quantity=5,
    unit_price=Decimal("9.99"),
    total=Decimal("49.96"),
    currency="USD",
)
ITEM_REMOVED = OrderItemRemoved(order_id=ORDER_ID, user_id=USER_ID, line=A_MUG, total=Decimal("19.98"), currency="USD")
PAID = OrderPaid(order_id=ORDER_ID, user_id=USER_ID, payment_reference="pi_1")
SHIPPED = OrderShipped(order_id=ORDER_ID, user_id=USER_ID, carrier="DHL", tracking_number="JD01")
DELIVERED = OrderDelivered(order_id=ORDER_ID, user_id=USER_ID)
CANCELLED = OrderCancelled(
    order_id=ORDER_ID,
    user_id=USER_ID,
    reason="changed my mind",
    lines=(TWO_TEAS, A_MUG),
    total=Decimal("19.99"),
    currency="USD",
)
REFUNDED = OrderRefunded(
    order_id=ORDER_ID,
    user_id=USER_ID,
    reason="never arrived",
    lines=(TWO_TEAS, A_MUG),
    total=Decimal("19.99"),
    currency="USD",
    restocked=False,
)

# One of every fact, in the order in which the log lists them.
ALL: tuple[Fact, ...] = (
    REGISTERED,
    RENAMED,
    EMAIL_CHANGED,
    ADDED,
    PRODUCT_RENAMED,
    PRICE_CHANGED,
    RESTOCKED,
    RETIRED,
    CREATED,
    ITEM_ADDED,
    QUANTITY_CHANGED,
    ITEM_REMOVED,
    PAID,
    SHIPPED,
    DELIVERED,
    CANCELLED,
    REFUNDED,
)


def event(fact: Fact, *, version: int = 1, minutes: int = 0) -> Event:
    """Return a fact as the event of that version of its stream, `minutes` after the start."""
    stream_type, stream_id, partition = _stream(fact)
    return Event(
        stream_type=stream_type,
        stream_id=stream_id,
        version=version,
        fact=fact,
        at=START + timedelta(minutes=minutes),
        actor="staff:tests",
        partition=partition,
    )


def _stream(fact: Fact) -> tuple[str, UUID, int]:
    """Return the type, the id and the partition of the stream that a fact belongs to."""
    if hasattr(fact, "order_id"):
        return "order", fact.order_id, partition_of_user(fact.user_id)
    if hasattr(fact, "product_id"):
        return "product", fact.product_id, partition_of_product(fact.product_id)
    return "user", fact.user_id, partition_of_user(fact.user_id)
