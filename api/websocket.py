"""GraphQL over WebSocket: the protocol graphql-transport-ws, as PROTOCOL.md of graphql-ws has it, and nothing older."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from api.asked import Asked
from api.auth import Gate, Principal
from api.errors import ApiError, BadRequest, Unauthenticated, unexpected
from api.negotiation import JSON
from api.outcomes import refusal
from api.streams import Streams, UnreadError, address_of, payload, seconds_until, within
from tasks import logs

PROTOCOL = "graphql-transport-ws"
_LONGEST_REASON = 120  # bytes; RFC 6455, 5.5 and 5.5.1
Message = Mapping[str, Any]
Run = Callable[[Asked, Principal, str], AsyncGenerator[ExecutionResult, None]]


class ClosedError(Exception):
    """The connection ends here, with a code of the protocol."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Sockets:
    """An ASGI application for WebSockets."""

    def __init__(self, *, gate: Gate, run: Run, streams: Streams, origins: frozenset[str] | None = None) -> None:
        """`origins`: whose pages may connect, beside those of this host; all where it is None."""
        self._gate = gate
        self._run = run
        self._streams = streams
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        try:
            self._require_origin(socket)
            self._streams.require_room(address_of(scope))
        except ApiError as error:
            await socket.receive()
            await socket.send_denial_response(refusal([error], JSON))
            return
        if PROTOCOL not in scope["subprotocols"]:
            await socket.accept()
            await socket.close(4406, "Subprotocol not acceptable")
        else:
            await socket.accept(PROTOCOL)
            await Connection(socket, gate=self._gate, run=self._run, streams=self._streams).serve()

    def _require_origin(self, socket: WebSocket) -> None:
        """Refuse a page of another site; what is no browser says nothing of where it comes from."""
        origin = socket.headers.get("origin")
        if self._origins is None or origin is None or origin in self._origins:
            return
        if origin.partition("://")[2] != socket.headers.get("host"):
            raise ApiError("FORBIDDEN", "Pages of this origin may not connect: set TANDEM_ALLOWED_ORIGINS.")


class Connection:
    def __init__(self, socket: WebSocket, *, gate: Gate, run: Run, streams: Streams) -> None:
        self._socket = socket
        self._address = address_of(socket.scope)
        self._gate = gate
        self._run = run
        self._streams = streams
        self._principal: Principal | None = None
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._end: asyncio.Timeout
        self._tasks: asyncio.TaskGroup

    async def serve(self) -> None:
        """Talk with the client until it has gone, its token is no longer good, or it breaks the protocol."""
        closed: ClosedError | None = None
        try:
            until_init = self._streams.opened(self._streams.bounds.init_seconds, self._address)
            async with until_init as self._end, asyncio.TaskGroup() as self._tasks:
                while True:
                    await self._take_in(await self._received())
        except* ClosedError as errors:
            closed = next(error for error in errors.exceptions if isinstance(error, ClosedError))
        except* TimeoutError:
            closed = self._time_is_over()
        except* (WebSocketDisconnect, UnreadError):
            pass
        if closed is not None:
            await self._close(closed)

    def _time_is_over(self) -> ClosedError:
        if self._streams.stopping:
            return ClosedError(1012, "Service restart")
        if self._principal is None:
            return ClosedError(4408, "Connection initialisation timeout")
        return ClosedError(4403, "The token has expired: sign in again.")

    async def _received(self) -> Message:
        frame = await self._socket.receive()
        if frame["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(frame["code"])
        if frame.get("text") is None:
            raise ClosedError(4400, "A message must be text.")
        try:
            message = orjson.loads(frame["text"])
        except orjson.JSONDecodeError as error:
            raise ClosedError(4400, "A message must be JSON.") from error
        if not isinstance(message, dict):
            raise ClosedError(4400, "A message must be a JSON object.")
        return message

    async def _take_in(self, message: Message) -> None:
        content = message.get("payload")
        match message:
            case {"type": "connection_init" | "ping" | "pong"} if not isinstance(content, dict | None):
                raise ClosedError(4400, "The payload must be an object.")
            case {"type": "connection_init"}:
                await self._init(content or {})
            case {"type": "ping"}:
                await self._send({"type": "pong"} if content is None else {"type": "pong", "payload": content})
            case {"type": "pong"}:
                pass
            case {"type": "subscribe", "id": str(name), "payload": dict(wanted)} if name:
                await self._subscribe(name, wanted)
            case {"type": "complete", "id": str(name)}:
                if task := self._operations.pop(name, None):
                    task.cancel()
            case {"type": "subscribe" | "complete"}:
                raise ClosedError(4400, "The message needs an id, which is text, and subscribe a payload.")
            case _:
                raise ClosedError(4400, "The message has no type that this protocol knows.")

    async def _init(self, content: Message) -> None:
        if self._principal is not None:
            raise ClosedError(4429, "Too many initialisation requests")
        header = self._socket.headers.get("authorization")
        for name, value in content.items():
            if name.lower() == "authorization" and value is not None:
                header = str(value)
        try:
            self._principal = await self._gate.principal_of(header)
        except Unauthenticated as error:
            raise ClosedError(4403, error.message) from error
        seconds = seconds_until(self._principal.expires_at)
        self._end.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)
        await self._send({"type": "connection_ack"})
        self._tasks.create_task(self._give_signs_of_life())

    async def _subscribe(self, name: str, wanted: Message) -> None:
        if self._principal is None:
            raise ClosedError(4401, "Unauthorized")
        if name in self._operations:
            raise ClosedError(4409, f"Subscriber for {name} already exists")
        asked = _asked(wanted)
        if len(self._operations) >= self._streams.bounds.operations:
            await self._send(_error(name, "There are too many operations on this socket.", "TOO_MANY_OPERATIONS"))
            return
        self._operations[name] = self._tasks.create_task(self._answer(name, asked, self._principal))

    async def _answer(self, name: str, asked: Asked, principal: Principal) -> None:
        """Send the results of an operation, and that it is complete; its id is free before the client hears of that."""
        logs.begin()
        try:
            last = await self._answers(name, asked, principal)
        except (UnreadError, WebSocketDisconnect):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this operation and no other
            last = {"id": name, "type": "error", "payload": [unexpected(error)]}
        finally:
            if self._operations.get(name) is asyncio.current_task():
                del self._operations[name]
        await self._send(last)

    async def _answers(self, name: str, asked: Asked, principal: Principal) -> Message:
        """Send results; return the message that comes last."""
        async with aclosing(self._run(asked, principal, self._address)) as results:
            async for result in results:
                if isinstance(result, PreExecutionError):
                    errors = [error.formatted for error in result.errors or ()]
                    return {"id": name, "type": "error", "payload": errors}
                await self._send({"id": name, "type": "next", "payload": payload(result)})
        return {"id": name, "type": "complete"}

    async def _give_signs_of_life(self) -> None:
        while True:
            await asyncio.sleep(self._streams.bounds.ping_seconds)
            await self._send({"type": "ping"})

    async def _send(self, message: Message) -> None:
        sending = self._socket.send_text(orjson.dumps(message).decode())
        try:
            await within(self._streams.bounds.send_seconds, sending, self._socket.scope)
        except RuntimeError as error:  # another message found it closed
            raise WebSocketDisconnect(1006) from error

    async def _close(self, closed: ClosedError) -> None:
        reason = str(closed).encode()[:_LONGEST_REASON].decode(errors="ignore")
        closing = self._socket.close(closed.code, reason)
        with suppress(UnreadError, WebSocketDisconnect, RuntimeError):
            await within(self._streams.bounds.send_seconds, closing, self._socket.scope)


def _asked(wanted: Message) -> Asked:
    try:
        asked = Asked.of(wanted)
    except BadRequest as error:
        raise ClosedError(4400, error.message) from error
    if not isinstance(wanted.get("query"), str) and asked.document_id is None and asked.extensions is None:
        raise ClosedError(4400, "The payload needs a query, which is text.")
    return asked


def _error(name: str, message: str, code: str) -> Message:
    return {"id": name, "type": "error", "payload": [{"message": message, "extensions": {"code": code}}]}
