"""Lists in pages, as Relay and Apollo expect them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

import strawberry

from api.context import Info, rows
from api.pagination import Listing, Page, PageArguments, PageInfo, slice_of
from api.scalars import ConsistencyToken
from api.selection import Selection, Shown
from api.types import order as order_type
from api.types.order import Order
from domain.lifecycle import Status
from projections.keyset import BEYOND, Slice, count, cut, cut_with_beyond
from projections.projection import Projection
from projections.views import user_orders_view
from projections.views.user_orders_view import NEWEST_FIRST, Wanted, chosen, matching

T = TypeVar("T")


@strawberry.type
class Edge(Generic[T]):
    node: T
    cursor: str


@strawberry.type
class Connection(Generic[T]):
    listing: strawberry.Private[Listing]
    page: strawberry.Private[Page]
    nodes: list[T]

    @strawberry.field
    def edges(self) -> list[Edge[T]]:
        return [Edge(node=node, cursor=cursor) for node, cursor in zip(self.nodes, self.page.cursors(), strict=True)]

    @strawberry.field
    def page_info(self) -> PageInfo:
        return self.page.info()

    @strawberry.field(description="Counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        [row] = await rows(info, count(self.listing.parts))
        return int(row["count"])


# In the schema: OrderConnection with OrderEdge.
OrderConnection = Connection[Order]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[T]):
    """What the rows of a list are: of which read table, which type they are shown as, and by which columns."""

    projection: Projection
    of: Callable[[Mapping[str, Any]], T]
    shown: Shown


ORDERS = Kind(projection=user_orders_view.PROJECTION, of=Order.of, shown=order_type.SHOWN)


async def connection(
    info: Info, kind: Kind[T], listing: Listing, wanted: PageArguments, consistent_with: ConsistencyToken | None = None
) -> Connection[T]:
    """Return a page of a list, read by one statement, or by none where only its length is asked for."""
    wanted_slice = slice_of(wanted, listing)
    await info.context.caught_up(kind.projection, consistent_with)
    selection = Selection.of(info)
    if not selection.has("nodes", "edges", "pageInfo"):
        return Connection(listing=listing, page=Page(rows=(), slice=wanted_slice, listing=listing), nodes=[])
    page = await _page(info, listing, wanted_slice, selection, kind.shown)
    return Connection(listing=listing, page=page, nodes=[kind.of(row) for row in page.shown])


async def orders_of(
    info: Info,
    user_id: UUID,
    statuses: Sequence[Status] | None,
    wanted: PageArguments,
    consistent_with: ConsistencyToken | None = None,
) -> OrderConnection:
    """Return a page of a user's orders, newest first."""
    orders = Wanted(user_id=user_id, statuses=chosen(statuses))
    listing = Listing(parts=matching(orders), keyset=NEWEST_FIRST, binding=("userOrders", orders))
    return await connection(info, ORDERS, listing, wanted, consistent_with)


async def _page(info: Info, listing: Listing, wanted: Slice, selection: Selection, shown: Shown) -> Page:
    columns = selection.under("nodes").columns(shown) | selection.under("edges", "node").columns(shown)
    parts, keyset = listing.parts, listing.keyset
    begins_within = wanted.start is not None or wanted.offset > 0
    if not (begins_within and selection.under("pageInfo").has("hasNextPage" if wanted.backward else "hasPreviousPage")):
        return Page(rows=await rows(info, cut(parts, keyset, wanted, columns=columns)), slice=wanted, listing=listing)
    found = await rows(info, cut_with_beyond(parts, keyset, wanted, columns=columns))
    beyond = bool(found) and found[-1][BEYOND]
    return Page(rows=found[:-1] if beyond else found, slice=wanted, listing=listing, beyond=beyond)
