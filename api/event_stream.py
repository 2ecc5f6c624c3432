"""GraphQL over server-sent events: each result of an operation is an event of one response, as graphql-sse has it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from datetime import datetime
from typing import Any

import orjson
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from strawberry.types import ExecutionResult

from api.errors import Unauthenticated, unexpected
from api.outcomes import SAFE
from api.streams import Streams, UnreadError, address_of, payload, seconds_until, within

MEDIA_TYPE = "text/event-stream"
_ANSWERS = {MEDIA_TYPE, "application/json", "application/graphql-response+json", "application/*", "*/*"}
_EXPIRED = Unauthenticated("The token has expired: sign in again.").formatted
_COMPLETE = b"event: complete\ndata: \n\n"
_SIGN_OF_LIFE = b":\n\n"


def is_wanted(accept: str | None) -> bool:
    """Return whether a client prefers a stream of events to a single answer; many name it after what they prefer."""
    if accept is None or "event-stream" not in accept.lower():
        return False
    ranges = [each.replace(" ", "").lower().split(";") for each in accept.split(",")]
    ranked = sorted((-_quality(parameters), place, name) for place, (name, *parameters) in enumerate(ranges))
    return next((name for quality, _, name in ranked if quality and name in _ANSWERS), None) == MEDIA_TYPE


def _quality(parameters: list[str]) -> float:
    try:
        return next((float(each[2:]) for each in parameters if each.startswith("q=")), 1.0)
    except ValueError:
        return 1.0


class EventStream(Response):
    """Ends with `complete` where the operation does; ended otherwise, the client may go on with its last token."""

    def __init__(
        self, results: AsyncGenerator[ExecutionResult, None], *, streams: Streams, expires_at: datetime | None
    ) -> None:
        super().__init__(headers={**SAFE, "Content-Type": MEDIA_TYPE, "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._results = results
        self._streams = streams
        self._expires_at = expires_at

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def bounded(message: Message) -> None:
            await within(self._streams.bounds.send_seconds, send(message), scope)

        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        last: bytes | None = None
        try:
            async with self._streams.opened(seconds_until(self._expires_at), address_of(scope)):
                await self._send_all(receive, bounded)
            last = _COMPLETE
        except* TimeoutError:
            last = b"" if self._streams.stopping else _failed(_EXPIRED) + _COMPLETE
        except* (ClientDisconnect, UnreadError):
            pass
        if last is not None:
            with suppress(UnreadError):
                await bounded(_body(last, more=False))

    async def _send_all(self, receive: Receive, send: Send) -> None:
        async with asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(_until_gone(receive)), tasks.create_task(self._give_signs_of_life(send))]
            try:
                async with aclosing(self._results):
                    async for result in self._results:
                        await send(_body(_event(payload(result))))
            except (UnreadError, ClientDisconnect):
                raise
            except Exception as error:  # noqa: BLE001 - the response has begun, and tells of it in its own way
                await send(_body(_failed(unexpected(error))))
            for each in beside:
                each.cancel()

    async def _give_signs_of_life(self, send: Send) -> None:
        while True:
            await send(_body(_SIGN_OF_LIFE))
            await asyncio.sleep(self._streams.bounds.ping_seconds)


def _body(chunk: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": chunk, "more_body": more}


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise ClientDisconnect


def _event(content: Mapping[str, Any]) -> bytes:
    return b"event: next\ndata: " + orjson.dumps(content) + b"\n\n"


def _failed(error: Mapping[str, Any]) -> bytes:
    return _event({"data": None, "errors": [error]})
