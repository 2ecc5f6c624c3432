"""/livez: whether this process answers. /readyz: whether commands and queries work here."""

import asyncio
from collections.abc import Awaitable

import redis.asyncio
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import domain.database
import projections.database
from api.freshness import Freshness
from projections import catalogue

_SECONDS = 2.0


async def parts(*, write_url: str, read_url: str, messages: "redis.asyncio.Redis") -> dict[str, str]:
    """Return how the stores and Redis are doing: ok, or what is the matter."""
    write, read, queue = await asyncio.gather(
        _store(asyncio.to_thread(domain.database.schema_is_current, write_url)),
        _store(asyncio.to_thread(projections.database.schema_is_current, read_url)),
        _redis(messages),
    )
    return {"write": write, "read": read, "redis": queue}


def routes(*, write_url: str, read_url: str, messages: "redis.asyncio.Redis", freshness: Freshness) -> list[Route]:
    async def live(_: Request) -> JSONResponse:
        """Ask nobody: whoever starts a process anew for what a store has does not mend it."""
        return JSONResponse({"live": True})

    async def ready(_: Request) -> JSONResponse:
        """Answer 200 once both stores are there and migrated.

        Redis and the lag of the read tables, null while it is not known, are told about: commands go on with either.
        """
        checks = await parts(write_url=write_url, read_url=read_url, messages=messages)
        works = checks["write"] == checks["read"] == "ok"
        lags = {name: lag["lag"] for name, lag in freshness.of(each.name for each in catalogue.projections()).items()}
        return JSONResponse({"ready": works, **checks, "lag": lags}, status_code=200 if works else 503)

    return [Route("/livez", live), Route("/readyz", ready)]


async def _store(is_current: Awaitable[bool]) -> str:
    try:
        async with asyncio.timeout(_SECONDS):
            return "ok" if await is_current else "not migrated: run tandem migrate"
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        return f"not reachable: {type(error).__name__}"


async def _redis(messages: "redis.asyncio.Redis") -> str:
    try:
        async with asyncio.timeout(_SECONDS):
            await messages.ping()
    except (RedisError, OSError, TimeoutError) as error:
        return f"not reachable: {type(error).__name__}"
    return "ok"
