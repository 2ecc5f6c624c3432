"""What can be followed: one file a subscription, listed here."""

import strawberry

from api.subscriptions.order_changed import order_changed
from api.subscriptions.user_orders_changed import user_orders_changed


@strawberry.type
class Subscription:
    order_changed = strawberry.subscription(
        order_changed,
        description="First the order as it is, then again after every change of its row. "
        "With a token, first only if it was changed after it.",
    )
    user_orders_changed = strawberry.subscription(
        user_orders_changed,
        description="First the order that changed last, then every changed row of that user's orders; with a token, "
        "first those that changed after it, so that a client which was away misses nothing.",
    )
