"""Anything by its id, as Relay asks for it again; what somebody may not see is not there."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import strawberry
from sqlalchemy import Select

from api.auth import Principal, Role
from api.context import Info
from api.scalars import uuid_of
from api.selection import Selection, Shown, only_shown
from api.types import order, product, user
from api.types.node import Node
from projections.projection import Projection
from projections.views import products_view, user_orders_view, users_view


class _Place(NamedTuple):
    """Where a node may be found, and what it is then."""

    type: str
    projection: Projection
    found: Select[Any]
    of: Callable[[Mapping[str, Any]], Node]
    shown: Shown


async def node(info: Info, id: strawberry.ID) -> Node | None:
    """Look into one read table after the other, first into those whose types the document speaks of."""
    selection = Selection.of(info)
    places = _places(info.context.principal, uuid_of(id, "id"))
    for place in sorted(places, key=lambda place: place.type not in selection.types):
        await info.context.caught_up(place.projection, None)
        row = await info.context.reads.one(only_shown(place.found, selection, place.shown))
        if row is not None:
            return place.of(row)
    return None


def _places(principal: Principal, id: UUID) -> Iterator[_Place]:
    own = principal.user_id
    if principal.role is not Role.NOBODY:
        orders = user_orders_view.by_id(id, user_id=own)
        yield _Place("Order", user_orders_view.PROJECTION, orders, order.Order.of, order.SHOWN)
    if principal.role is Role.STAFF or own == id:
        yield _Place("User", users_view.PROJECTION, users_view.by_id(id), user.User.of, user.SHOWN)
    yield _Place("Product", products_view.PROJECTION, products_view.by_id(id), product.Product.of, product.SHOWN)
