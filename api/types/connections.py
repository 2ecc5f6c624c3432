"""Lists in pages, as Relay and Apollo expect them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

import strawberry
from sqlalchemy import Select

from api.context import Info
from api.pagination import Page, PageArguments, PageInfo, slice_of
from api.types.order import Order
from api.types.product import Product
from domain.lifecycle import Status
from projections.keyset import Keyset, cut
from projections.views import products_view, user_orders_view

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A list that a connection shows a page of, and how all of it is counted, if anybody asks."""

    page: Page
    counted: Select[Any]

    async def count(self, info: Info) -> int:
        [row] = await info.context.reads.all(self.counted)
        return int(row["count"])


@strawberry.type
class Edge(Generic[T]):
    node: T
    cursor: str


@strawberry.type
class Connection(Generic[T]):
    listed: strawberry.Private[Listed]
    nodes: list[T]

    @strawberry.field
    def edges(self) -> list[Edge[T]]:
        cursors = self.listed.page.cursors()
        return [Edge(node=node, cursor=cursor) for node, cursor in zip(self.nodes, cursors, strict=True)]

    @strawberry.field
    def page_info(self) -> PageInfo:
        return self.listed.page.info()

    @strawberry.field(description="Counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await self.listed.count(info)


# In the schema: OrderConnection with OrderEdge, ProductConnection with ProductEdge.
OrderConnection = Connection[Order]
ProductConnection = Connection[Product]


async def orders_of(
    info: Info, user_id: UUID, statuses: Sequence[Status] | None, wanted: PageArguments
) -> OrderConnection:
    """Return a page of a user's orders, newest first."""
    info.context.shows(user_orders_view.PROJECTION)
    orders = user_orders_view.of_user(user_id, statuses)
    binding = ("userOrders", user_id, sorted(statuses or ()))
    page = await _page(info, orders, user_orders_view.NEWEST_FIRST, wanted, binding)
    listed = Listed(page=page, counted=user_orders_view.count(orders))
    return Connection(listed=listed, nodes=_nodes(page, Order.of))


async def products_matching(
    info: Info, *, search: str | None, retired: bool | None, in_stock: bool | None, wanted: PageArguments
) -> ProductConnection:
    """Return a page of the catalogue, by name."""
    products = products_view.matching(search=search, retired=retired, in_stock=in_stock)
    binding = ("products", search, retired, in_stock)
    page = await _page(info, products, products_view.BY_NAME, wanted, binding)
    listed = Listed(page=page, counted=products_view.count(products))
    return Connection(listed=listed, nodes=_nodes(page, Product.of))


async def _page(
    info: Info, rows: Select[Any], keyset: Keyset, wanted: PageArguments, binding: tuple[object, ...]
) -> Page:
    wanted_slice = slice_of(wanted, keyset, binding)
    found = await info.context.reads.all(cut(rows, keyset, wanted_slice))
    return Page(rows=found, slice=wanted_slice, keyset=keyset, binding=binding)


def _nodes(page: Page, of: Callable[[Any], T]) -> list[T]:
    return [of(row) for row in page.shown]
