"""Live orders: every change of a user's orders reaches all who follow them, in the log's order, none of them twice.

The followers of a partition share one select for each of its moves; each keeps its own place in the log, so that what
one of them cannot take in yet is read again for it later, and nobody waits for it.
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from domain.event_log import partition_of_user
from projections import checkpoints
from projections.progress import Progress
from projections.projection import Row
from projections.statements import Statement, found
from projections.views import user_orders_view
from projections.views.user_orders_view import Place, changed, last_changed, place

log = logging.getLogger(__name__)

LAST = UUID(int=(1 << 128) - 1)
"""Stands behind every order that an event changed."""
_FIRST: Place = (0, LAST)  # before every event
_NAME = user_orders_view.PROJECTION.name
_LOOK_SECONDS = 1.0  # how long a change goes unnoticed whose message was lost
_PAGE = 200  # rows of a select
_MOST_WAITING = 100  # rows that wait for one follower
_SELECTS = 4  # at once, so that followers leave connections to queries
_BREATH = 32  # followers that are served before others have their turn

Read = Callable[[Statement], Awaitable[list[Row]]]


class Live:
    def __init__(self, read: Read) -> None:
        self._unbounded_read = read
        self._turns = asyncio.Semaphore(_SELECTS)
        self._feeds: dict[int, _Feed] = {}

    async def changes(
        self, user_id: UUID, after: Place | None, *, order_id: UUID | None = None
    ) -> AsyncGenerator[Row, None]:
        """Yield orders of a user as they are after each change behind `after`, for ever.

        Changes that come faster than they are taken are seen as one. With `order_id`, of that order alone. Without
        `after`, the order that was changed last comes first, so that its reader knows from where on it is told of all.
        """
        async with self._following(user_id) as follower:
            if after is None:
                after = _FIRST
                for row in await self.read(found(last_changed, user_id=user_id).rows()):
                    after = place(row)
                    yield row
            while True:
                follower.start_again()
                rows = await self.read(_changed([user_id], after, order_id))
                for row in rows:
                    after = place(row)
                    yield row
                if len(rows) == _PAGE:
                    continue
                while (next_row := await follower.next()) is not None:
                    if place(next_row) > after and order_id in {None, next_row["order_id"]}:
                        after = place(next_row)
                        yield next_row

    def heard(self, progress: Progress) -> None:
        """Take in a progress message."""
        if progress.projection == _NAME and (feed := self._feeds.get(progress.partition)):
            feed.move(progress.position)

    async def look(self) -> None:
        """Look at the checkpoints, now and then, where messages tell nothing."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if not self._feeds:
                continue
            try:
                checkpoints = await self._checkpoints(list(self._feeds))
            except Exception as error:  # noqa: BLE001 - as in a feed: this must not end
                log.warning("checkpoints_not_read", extra={"error": type(error).__name__})
                continue
            for partition, position in checkpoints.items():
                if feed := self._feeds.get(partition):
                    feed.look_at(position)

    @asynccontextmanager
    async def _following(self, user_id: UUID) -> AsyncIterator["_Follower"]:
        partition, follower = partition_of_user(user_id), _Follower()
        feed = self._feeds.get(partition) or self._open(partition)
        feed.uses += 1
        try:
            async with feed.reading:  # a select that goes on does not know this user, and passes its rows by
                if feed.after is None:
                    feed.after = (await self._checkpoint(partition), LAST)
                feed.followers[user_id].add(follower)
            yield follower
        finally:
            feed.leave(user_id, follower)
            if feed.uses == 0:
                del self._feeds[partition]
                feed.task.cancel()

    def _open(self, partition: int) -> "_Feed":
        feed = self._feeds[partition] = _Feed(self.read)
        return feed

    async def read(self, statement: Statement) -> list[Row]:
        """Read in turn with all other followers."""
        async with self._turns:
            return await self._unbounded_read(statement)

    async def _checkpoint(self, partition: int) -> int:
        return (await self._checkpoints([partition])).get(partition, 0)

    async def _checkpoints(self, partitions: Sequence[int]) -> dict[int, int]:
        asked = found(checkpoints.of, projection=_NAME, partitions=list(partitions))
        return {row["partition"]: row["position"] for row in await self.read(asked.rows())}


class _Follower:
    """The rows that wait for one subscription; where they are too many, none do, and it has to read for itself."""

    def __init__(self) -> None:
        self._rows: deque[Row] = deque()
        self._behind = False
        self._woken = asyncio.Event()

    def start_again(self) -> None:
        self._rows.clear()
        self._behind = False

    def give(self, row: Row) -> None:
        if len(self._rows) == _MOST_WAITING:
            self._rows.clear()
            self._behind = True
        if not self._behind:
            self._rows.append(row)
        self._woken.set()

    async def next(self) -> Row | None:
        """Return the next row; None where rows were dropped, which have to be read again."""
        while not self._rows and not self._behind:
            self._woken.clear()
            await self._woken.wait()
        return None if self._behind else self._rows.popleft()


class _Feed:
    """Reads the changed rows of a partition once for all who follow one of its users."""

    def __init__(self, read: Read) -> None:
        self.followers: defaultdict[UUID, set[_Follower]] = defaultdict(set)
        self.after: Place | None = None
        self.uses = 0
        self.reading = asyncio.Lock()
        self._read = read
        self._position = 0
        self._moved = asyncio.Event()
        self.task = asyncio.create_task(self._run())

    def move(self, position: int) -> None:
        self._position = max(position, self._position)
        self._moved.set()

    def look_at(self, position: int) -> None:
        """Move if the checkpoint is further than was heard; one that went back was taken back by a crash."""
        if position > self._position:
            self._moved.set()
        self._position = position

    def leave(self, user_id: UUID, follower: _Follower) -> None:
        self.uses -= 1
        self.followers[user_id].discard(follower)
        if not self.followers[user_id]:
            del self.followers[user_id]

    async def _run(self) -> None:
        while True:
            await self._moved.wait()
            self._moved.clear()
            try:
                async with self.reading:
                    await self._pass_on()
            except Exception as error:  # noqa: BLE001 - whatever it is, followers would wait for ever for one that ended
                log.warning("changed_orders_not_read", extra={"error": type(error).__name__})
                self._position = 0  # so that the next look moves

    async def _pass_on(self) -> None:
        while self.followers and self.after is not None:
            rows = await self._read(_changed(list(self.followers), self.after))
            for row in rows:
                for number, follower in enumerate(tuple(self.followers.get(row["user_id"], ())), start=1):
                    follower.give(row)
                    if number % _BREATH == 0:
                        await asyncio.sleep(0)
                self.after = place(row)
            if len(rows) < _PAGE:
                return


def _changed(user_ids: list[UUID], after: Place, order_id: UUID | None = None) -> Statement:
    return found(changed, user_ids=user_ids, after=after, limit=_PAGE, order_id=order_id).rows()
