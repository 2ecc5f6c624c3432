"""An order as it stood at a moment of the past: folded from the log, as its row was then."""

from datetime import datetime
from heapq import merge
from uuid import UUID

import asyncpg

from api.errors import ApiError
from domain import event_log
from domain.database import LOST, CommandPool
from domain.events import Event, OrderCreated
from projections.projection import Row, fold_all
from projections.views import user_orders_view


class History:
    """Reads the write store's log."""

    def __init__(self, pool: CommandPool) -> None:
        self._pool = pool

    async def order(self, order_id: UUID, as_of: datetime) -> Row | None:
        """Return the row that user_orders_view had for an order then; None where there was no such order."""
        try:
            events = await self._events(order_id)
        except (*LOST, asyncpg.PostgresError, TimeoutError) as error:
            raise ApiError("UNAVAILABLE", "The log does not answer: try again.") from error
        return fold_all(user_orders_view.PROJECTION, (event for event in events if event.at <= as_of))

    async def _events(self, order_id: UUID) -> list[Event]:
        """Return the events of an order and of its user, in the order in which they are in their partition."""
        async with self._pool.transaction() as connection:
            of_order = await event_log.read_stream(connection, order_id)
            if not of_order or not isinstance(created := of_order[0].fact, OrderCreated):
                return []
            of_user = await event_log.read_stream(connection, created.user_id)
        return list(merge(of_order, of_user, key=lambda event: event.position))
