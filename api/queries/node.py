"""Anything by its id, as Relay asks for it again; what somebody may not see is not there."""

from collections.abc import Iterator
from typing import cast
from uuid import UUID

import strawberry

from api.auth import Principal, Role
from api.context import Info
from api.reading import one, types_asked_for
from api.scalars import uuid_of
from api.shown import Kind
from api.types.node import Node
from api.types.order import Order
from api.types.product import Product
from api.types.user import User
from projections.statements import Found, found
from projections.views import products_view, user_orders_view, users_view


async def node(info: Info, id: strawberry.ID) -> Node | None:
    """Look into one read table after the other, first into those whose types the document speaks of."""
    asked = types_asked_for(info)
    places = _places(info.context.principal, uuid_of(id, "id"))
    for kind, where in sorted(places, key=lambda place: place[0].__name__ not in asked):
        if (row := await one(info, kind, where)) is not None:
            return cast("Node", row)
    return None


def _places(principal: Principal, id: UUID) -> Iterator[tuple[type[Kind], Found]]:
    own = principal.user_id
    if principal.role is not Role.NOBODY:
        yield Order, found(user_orders_view.by_id, order_id=id, user_id=own)
    if principal.role is Role.STAFF or own == id:
        yield User, found(users_view.by_id, user_id=id)
    yield Product, found(products_view.by_id, product_id=id)
