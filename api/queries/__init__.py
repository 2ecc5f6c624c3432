"""What can be asked: one file a read, listed here."""

import strawberry

from api.queries.daily_sales import daily_sales
from api.queries.me import me
from api.queries.node import node
from api.queries.order import order
from api.queries.orders import orders
from api.queries.product import product
from api.queries.products import products
from api.queries.projections import projections
from api.queries.user import user
from api.queries.user_orders import user_orders
from api.queries.users import users


@strawberry.type
class Query:
    node = strawberry.field(node)
    me = strawberry.field(me, description="The user that the bearer token names.")
    order = strawberry.field(order)
    user_orders = strawberry.field(
        user_orders,
        description="Newest first, 20 by default, 100 at most. page counts from 1 and excludes the cursor arguments.",
    )
    orders = strawberry.field(orders, description="Newest first where orderBy is left out.")
    user = strawberry.field(user)
    users = strawberry.field(users, description="Newest first.")
    product = strawberry.field(product)
    products = strawberry.field(products, description="By name.")
    daily_sales = strawberry.field(daily_sales, description="Both days included; days without sales are not listed.")
    projections = strawberry.field(projections)
