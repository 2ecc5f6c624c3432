"""What can be done: one file a command, listed here."""

import strawberry

from api.mutations.add_product import add_product
from api.mutations.create_order import create_order
from api.mutations.pay_order import pay_order
from api.mutations.register_user import register_user
from api.mutations.ship_order import ship_order


@strawberry.type
class Mutation:
    register_user = strawberry.mutation(register_user)
    add_product = strawberry.mutation(add_product)
    create_order = strawberry.mutation(create_order)
    pay_order = strawberry.mutation(pay_order)
    ship_order = strawberry.mutation(ship_order)
