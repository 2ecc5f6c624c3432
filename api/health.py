"""/readyz: whether commands and queries work here."""

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

_SECONDS = 2.0


def routes(*, write_url: str, read_url: str, messages: "redis.asyncio.Redis") -> list[Route]:
    async def ready(_: Request) -> JSONResponse:
        """Answer 200 once both stores are there and migrated. Redis is told about, but commands go on without it."""
        checks = {
            "write": await _store(asyncio.to_thread(domain.database.schema_is_current, write_url)),
            "read": await _store(asyncio.to_thread(projections.database.schema_is_current, read_url)),
            "redis": await _redis(messages),
        }
        works = checks["write"] == checks["read"] == "ok"
        return JSONResponse({"ready": works, **checks}, status_code=200 if works else 503)

    return [Route("/readyz", ready)]


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
