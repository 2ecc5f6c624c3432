"""What can be done: one file a command, listed here."""

import strawberry

from api.mutations.add_order_item import add_order_item
from api.mutations.add_product import add_product
from api.mutations.cancel_order import cancel_order
from api.mutations.change_order_item_quantity import change_order_item_quantity
from api.mutations.change_product_price import change_product_price
from api.mutations.change_user_email import change_user_email
from api.mutations.create_order import create_order
from api.mutations.deliver_order import deliver_order
from api.mutations.pay_order import pay_order
from api.mutations.refund_order import refund_order
from api.mutations.register_user import register_user
from api.mutations.remove_order_item import remove_order_item
from api.mutations.rename_product import rename_product
from api.mutations.rename_user import rename_user
from api.mutations.restock_product import restock_product
from api.mutations.retire_product import retire_product
from api.mutations.ship_order import ship_order


@strawberry.type
class Mutation:
    register_user = strawberry.mutation(register_user)
    rename_user = strawberry.mutation(rename_user)
    change_user_email = strawberry.mutation(change_user_email)
    add_product = strawberry.mutation(add_product)
    rename_product = strawberry.mutation(rename_product)
    change_product_price = strawberry.mutation(change_product_price)
    restock_product = strawberry.mutation(restock_product)
    retire_product = strawberry.mutation(retire_product)
    create_order = strawberry.mutation(create_order)
    add_order_item = strawberry.mutation(add_order_item)
    change_order_item_quantity = strawberry.mutation(change_order_item_quantity)
    remove_order_item = strawberry.mutation(remove_order_item)
    pay_order = strawberry.mutation(pay_order)
    ship_order = strawberry.mutation(ship_order)
    deliver_order = strawberry.mutation(deliver_order)
    cancel_order = strawberry.mutation(cancel_order)
    refund_order = strawberry.mutation(refund_order)
