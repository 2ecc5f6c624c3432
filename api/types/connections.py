"""Lists in pages, as Relay and Apollo expect them."""

import asyncio
from collections.abc import Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

import strawberry

from api.context import Info, rows
from api.pagination import Listing, Page, PageArguments, slice_of
from api.reading import PageShape, Resolvable, caught_up, plan_of
from api.scalars import ConsistencyToken
from api.selection import Selection
from api.shown import Kind
from api.types.order import Order
from domain.lifecycle import Status
from projections.keyset import Slice
from projections.statements import found
from projections.views import user_orders_view
from projections.views.user_orders_view import NEWEST_FIRST, Wanted, chosen

T = TypeVar("T")
K = TypeVar("K", bound=Kind)


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


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
        return PageInfo(
            has_next_page=self.page.has_next_page,
            has_previous_page=self.page.has_previous_page,
            start_cursor=self.page.start_cursor,
            end_cursor=self.page.end_cursor,
        )

    @strawberry.field(description="Counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await _count(info, self.listing)


# In the schema: OrderConnection with OrderEdge.
OrderConnection = Connection[Order]


class _ResolvablePage:
    """A page as a Connection whose fields Strawberry resolves."""

    wants_count = False

    def __init__(self, kind: type[Kind], listing: Listing, selection: Selection) -> None:
        self._listing = listing
        self._selection = selection
        self._rows = Resolvable(kind, selection.under("nodes"), selection.under("edges", "node"))
        self.columns = self._rows.columns
        self.wants_rows = selection.has("nodes", "edges", "pageInfo")

    def wants(self, field: str) -> bool:
        return self._selection.under("pageInfo").has(field)

    def show(self, page: Page, _: int | None) -> Connection[Any]:
        return Connection(listing=self._listing, page=page, nodes=self._rows.show(page.shown))


async def connection(
    info: Info,
    kind: type[K],
    listing: Listing,
    wanted: PageArguments,
    consistent_with: ConsistencyToken | None = None,
) -> Connection[K]:
    """Answer with a page of a list, read by one statement, or by none where only its length is asked for."""
    wanted_slice = slice_of(wanted, listing)
    await caught_up(info, kind.projection, consistent_with)
    plan = plan_of(info)
    shape: PageShape = plan.page_shape() if plan else _ResolvablePage(kind, listing, Selection.of(info))
    if shape.wants_count:
        page, total = await asyncio.gather(_page(info, listing, wanted_slice, shape), _count(info, listing))
    else:
        page, total = await _page(info, listing, wanted_slice, shape), None
    shown: Connection[K] = shape.show(page, total)
    return shown


async def orders_of(
    info: Info,
    user_id: UUID,
    statuses: Sequence[Status] | None,
    wanted: PageArguments,
    consistent_with: ConsistencyToken | None = None,
) -> OrderConnection:
    """Answer with a page of a user's orders, newest first."""
    orders = Wanted(user_id=user_id, statuses=chosen(statuses))
    matching = found(user_orders_view.matching, wanted=orders)
    listing = Listing(name="userOrders", found=matching, keyset=NEWEST_FIRST)
    return await connection(info, Order, listing, wanted, consistent_with)


async def _page(info: Info, listing: Listing, wanted: Slice, shape: PageShape) -> Page:
    if not shape.wants_rows:
        return Page(rows=(), slice=wanted, listing=listing)
    begins_within = wanted.start is not None or (wanted.offset or 0) > 0
    with_edge = begins_within and shape.wants("hasNextPage" if wanted.backward else "hasPreviousPage")
    records = await rows(info, listing.found.cut(listing.keyset, wanted, shape.columns, with_edge=with_edge))
    if not with_edge:
        return Page(rows=records, slice=wanted, listing=listing)
    if records and (wanted.start is None or listing.keyset.place(records[0]) == wanted.start):
        return Page(rows=records[1:], slice=wanted, listing=listing, beyond=True)
    # The cursor's row has left the list, or there is no such page.
    beyond = await rows(info, listing.found.beyond(listing.keyset, wanted))
    return Page(rows=records, slice=wanted, listing=listing, beyond=bool(beyond))


async def _count(info: Info, listing: Listing) -> int:
    [row] = await rows(info, listing.found.count())
    return int(row["count"])
