"""What can be asked: one file a read, listed here."""

import strawberry

from api.queries.daily_sales import daily_sales
from api.queries.order import order
from api.queries.product import product
from api.queries.products import products
from api.queries.user import user
from api.queries.user_orders import user_orders


@strawberry.type
class Query:
    order = strawberry.field(order)
    user_orders = strawberry.field(
        user_orders,
        description="Newest first, 20 by default, 100 at most. page counts from 1 and excludes the cursor arguments.",
    )
    user = strawberry.field(user)
    product = strawberry.field(product)
    products = strawberry.field(products)
    daily_sales = strawberry.field(daily_sales, description="Both days included; days without sales are not listed.")
