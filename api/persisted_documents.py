"""Documents that clients had kept, by the SHA-256 of their text: Apollo's automatic persisted queries and documentId.

Redis holds them for all API processes, and each process holds those in use. Without Redis a hash may be unknown where
it was known before, and the client sends its document whole; nothing else changes.
"""

import re
from hashlib import sha256
from time import time
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from api.asked import Asked
from api.documents import NotKept, apollo_hash, bare, refuse_both, required
from api.errors import BadRequest

LONGEST = 16 * 1024  # bytes; a longer document is carried out, but has to be sent each time
MOST = 2000  # in Redis; those that were kept or asked for longest ago go first
MOST_AT_HAND = 500
DAYS = 30
_SECONDS = 0.25
_EXPIRY = DAYS * 24 * 60 * 60
_INDEX = "tandem:documents"
_HASH = re.compile("[0-9a-f]{64}")


class PersistedDocuments:
    def __init__(self, redis_url: str) -> None:
        """Connect to Redis so that it is given up at once: whoever asks can send the document instead."""
        self._store = redis.asyncio.Redis.from_url(
            redis_url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, retry=Retry(NoBackoff(), 0)
        )
        self._at_hand: dict[str, str] = {}  # the one used last is the last

    async def text_of(self, asked: Asked) -> str:
        if asked.document_id is None and not asked.extensions:
            return required(asked.query)
        refuse_both(asked)
        hashed = apollo_hash(asked)
        if asked.query is not None:
            if hashed is not None and _hash(asked.query) != hashed:
                raise BadRequest("The sha256Hash is not that of the query: hash exactly the text that is sent.")
            return asked.query
        if hashed is not None:
            return await self._find(hashed) or _raise(NotKept())
        if asked.document_id is not None:
            unknown = NotKept("No document is kept under this documentId: send the document itself, as query.")
            return await self._find(bare(asked.document_id)) or _raise(unknown)
        return required(None)

    async def keep(self, asked: Asked) -> None:
        """Keep the document of a request that gives it together with its hash."""
        if asked.query is None or not asked.extensions:
            return
        hashed = apollo_hash(asked)
        if hashed is None or len(asked.query.encode()) > LONGEST:
            return
        self._take_at_hand(hashed, asked.query)
        try:
            await self._put(hashed, asked.query)
        except (redis.RedisError, OSError):
            return

    async def close(self) -> None:
        await self._store.aclose()

    async def _find(self, hashed: str) -> str | None:
        if not _HASH.fullmatch(hashed):
            return None
        text = self._at_hand.get(hashed) or await self._get(hashed)
        if text is not None:
            self._take_at_hand(hashed, text)
        return text

    def _take_at_hand(self, hashed: str, text: str) -> None:
        self._at_hand.pop(hashed, None)
        self._at_hand[hashed] = text
        if len(self._at_hand) > MOST_AT_HAND:
            del self._at_hand[next(iter(self._at_hand))]

    async def _get(self, hashed: str) -> str | None:
        try:
            async with self._store.pipeline(transaction=False) as pipeline:
                pipeline.getex(_key(hashed), ex=_EXPIRY)
                pipeline.zadd(_INDEX, {hashed: time()}, xx=True)
                found, _ = await pipeline.execute()
        except (redis.RedisError, OSError):
            return None
        text = found.decode(errors="replace") if found is not None else None
        return text if text is not None and _hash(text) == hashed else None

    async def _put(self, hashed: str, text: str) -> None:
        async with self._store.pipeline(transaction=False) as pipeline:
            pipeline.set(_key(hashed), text, ex=_EXPIRY)
            pipeline.zadd(_INDEX, {hashed: time()})
            pipeline.zcard(_INDEX)
            *_, count = await pipeline.execute()
        if count > MOST:
            oldest: Any = await self._store.zpopmin(_INDEX, count - MOST)
            await self._store.delete(*(_key(member.decode()) for member, _ in oldest))


def _key(hashed: str) -> str:
    return f"tandem:document:{hashed}"


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _raise(error: Exception) -> str:
    raise error
