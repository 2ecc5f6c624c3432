"""Reading your own writes: tokens that say where a command's event is, and waiting until a projection has passed it."""

import asyncio
import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

import redis.asyncio

from api.errors import ApiError, StaleRead
from domain.event_log import PARTITIONS
from projections import checkpoints, progress
from projections.progress import Progress
from projections.read_pool import UnreachableError
from projections.reads import Reads, TooSlowError
from projections.statements import found

log = logging.getLogger(__name__)

SECONDS = 2.0
_FIRST_LOOK, _LAST_LOOK = 0.05, 0.4  # seconds; how soon, and how seldom, the checkpoint is asked when Redis is silent


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A place in the log; with `row`, among the rows of a read table that the event there changed, up to this one."""

    partition: int
    position: int
    row: UUID | None = None

    def __str__(self) -> str:
        row = f".{self.row.hex}" if self.row else ""
        return urlsafe_b64encode(f"1.{self.partition}.{self.position}{row}".encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, value: str) -> "Token":
        try:
            text = urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode("ascii")
            form, partition, position, *row = text.split(".")
            token = cls(partition=int(partition), position=int(position), row=UUID(row[0]) if row else None)
            if form == "1" and 0 <= token.partition < PARTITIONS and 0 < token.position < 1 << 63 and len(row) <= 1:
                return token
        except ValueError:
            pass
        raise ApiError("INVALID_TOKEN", "This is not a consistency token: give one that a command returned, unchanged.")


class Consistency:
    """Knows how far projections have come, as far as messages told, and asks the checkpoints where they did not."""

    def __init__(self, reads: Reads, messages: "redis.asyncio.Redis", *, tell: Callable[[Progress], None]) -> None:
        """Every message that comes is told on."""
        self._reads = reads
        self._messages = messages
        self._reached: dict[tuple[str, int], int] = {}
        self._waiting: defaultdict[tuple[str, int], set[asyncio.Event]] = defaultdict(set)
        self._asked: dict[tuple[str, int], asyncio.Task[int]] = {}
        self._tell = tell
        self._stopped = False
        reads.when_lost.append(self._forget)

    async def listen(self) -> None:
        """Take in progress messages until stopped; a lost connection is made again."""
        while not self._stopped:
            try:
                async for message in progress.listen(self._messages):
                    self._note((message.projection, message.partition), message.position)
                    self._tell(message)
            except (redis.RedisError, OSError) as error:
                log.debug("progress_interrupted", extra={"error": type(error).__name__})
            await asyncio.sleep(0.2)

    def stop(self) -> None:
        """Let `listen` end at its next cancellation, even where a client library takes one for a lost connection."""
        self._stopped = True

    async def require(self, projection: str, token: Token) -> None:
        """Return once `projection` has applied all up to the token's place; raise StaleRead after two seconds."""
        if not await self.wait(projection, token):
            raise StaleRead

    async def wait(self, projection: str, token: Token, *, seconds: float = SECONDS) -> bool:
        """Return whether `projection` has passed the token's place within `seconds`."""
        place = projection, token.partition
        until = monotonic() + seconds
        pause = _FIRST_LOOK
        changed = asyncio.Event()
        self._waiting[place].add(changed)
        try:
            while self._reached.get(place, 0) < token.position:
                if (left := until - monotonic()) <= 0:
                    return False
                if not await _within(changed, min(pause, left)):
                    self._note(place, await asyncio.shield(self._asking(place)))
                    pause = min(2 * pause, _LAST_LOOK)
            return True
        finally:
            self._waiting[place].discard(changed)

    def _forget(self) -> None:
        """Know nothing after a lost connection: a read store that crashed may have taken its last commits back."""
        self._reached.clear()

    def _asking(self, place: tuple[str, int]) -> asyncio.Task[int]:
        """Ask once for all who wait: a thousand may, when their connections were lost together."""
        if place not in self._asked:
            self._asked[place] = asyncio.create_task(self._ask(*place))
            self._asked[place].add_done_callback(lambda _: self._asked.pop(place))
        return self._asked[place]

    async def _ask(self, projection: str, partition: int) -> int:
        try:
            asked = found(checkpoints.of, projection=projection, partitions=[partition])
            checkpoint = await self._reads.one(asked.rows(("position",)))
        except (UnreachableError, TooSlowError):
            return 0
        return checkpoint["position"] if checkpoint else 0

    def _note(self, place: tuple[str, int], position: int) -> None:
        if position > self._reached.get(place, 0):
            self._reached[place] = position
            for changed in self._waiting.get(place, ()):
                changed.set()


async def _within(changed: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(changed.wait(), seconds)
    except TimeoutError:
        return False
    changed.clear()
    return True
