"""Progress messages: a projection says over Redis how far it has come, and whoever waits for that need not ask.

They are hints: one that is lost costs a waiting query some milliseconds, never its answer.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

CHANNEL = "tandem:progress"
_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A projection has applied a partition up to and including `position`; its rows are committed."""

    projection: str
    partition: int
    position: int


def connect(redis_url: str, *, waits: float = 0) -> redis.Redis:
    """Return a client that gives up at once: a projection must not wait for those who listen.

    `waits`: how many seconds it asks Redis to wait for something to come.
    """
    return redis.Redis.from_url(
        redis_url,
        socket_timeout=_SECONDS + waits,
        socket_connect_timeout=_SECONDS,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=15,
    )


def publish(client: redis.Redis, progress: Sequence[Progress]) -> None:
    """Send messages; whether anybody hears them does not matter."""
    try:
        with client.pipeline(transaction=False) as pipeline:
            for each in progress:
                pipeline.publish(CHANNEL, f"{each.projection} {each.partition} {each.position}")
            pipeline.execute()
    except (redis.RedisError, OSError):
        return


async def listen(client: "redis.asyncio.Redis") -> AsyncIterator[Progress]:
    """Yield messages as they come, until the connection is lost, which raises redis.RedisError."""
    async with client.pubsub(ignore_subscribe_messages=True) as channel:
        await channel.subscribe(CHANNEL)
        async for message in channel.listen():
            projection, partition, position = message["data"].decode().split()
            yield Progress(projection=projection, partition=int(partition), position=int(position))
