"""The HTTP and WebSocket server: how long it waits for a request, how a connection is dropped, how it stops at once."""

import asyncio
import resource
import socket
import sys
from asyncio import TimerHandle
from collections.abc import Callable, Sequence
from typing import Any, Literal

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.streams import DROP

LONGEST_MESSAGE = 64 * 1024  # bytes of a WebSocket's message; a longer one closes it with 1009
HEAD_SECONDS, BODY_SECONDS, IDLE_SECONDS = 10, 15, 10
"""From the first byte of a request, or from the connection, to the end of its head; from there to the end of its body;
and from an answer to the next request."""
LONGEST_HEAD = 64 * 1024
"""Bytes of a request's URL and headers, or of the trailers of its body. The parser joins each piece that comes to what
it has of one of them, so that without a bound the time that this takes grows with the square of what is sent."""
_LINGER_SECONDS = 2  # who is still sending loses the answer if the connection is closed before it is read
_FILES = 65_536
_TOO_LONG = b"The URL and the headers, or the trailers, must have at most %d bytes." % LONGEST_HEAD
_REFUSED = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"%d" % len(_TOO_LONG)),
    (b"connection", b"close"),
]


class Server(uvicorn.Server):
    """Listens at `host` and `port`; when it is to stop, `stop` ends what would not end by itself.

    A request beyond so many `connections` is answered 503. What proxies say of a client is believed of `proxies`, which
    are addresses and networks, and of nobody else.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        *,
        stop: Callable[[], None],
        connections: int | None = None,
        proxies: Sequence[str] = (),
    ) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            http=_Http,
            ws=_WebSocket,
            log_level="warning",
            log_config=None,
            access_log=False,
            limit_concurrency=connections,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=8,
            server_header=False,
            headers=[("X-Content-Type-Options", "nosniff")],
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            ws_max_size=LONGEST_MESSAGE,
            ws_per_message_deflate=False,  # it takes more memory than all else that is kept for a socket
        )
        super().__init__(config)
        self._stop = stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stop()
        await super().shutdown(sockets)


def run(server: Server) -> None:
    """Answer in the foreground until SIGTERM or Ctrl-C."""
    _allow_many_connections()
    server.run()
    if not server.started:
        sys.exit(3)


# A connection that is closed waits until all is read of it, which may be for ever. These two let it be dropped.


class _Http(HttpToolsProtocol):
    """Drops who takes too long to send a request: uvicorn waits for ever, and a client may send a byte a minute."""

    _awaited: Literal["head", "body"] | None = None
    """What is still to come of a request that has begun."""
    _watched: Literal["head", "body"] | None = None
    _deadline: TimerHandle | None = None
    _unfinished = 0
    """Bytes of a head or of trailers that came so far, less those that came along with what was before them."""
    _refused = False  # and of what still comes, nothing is read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._awaited = "head"
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._awaited = None
        self._watch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._awaited = self._awaited or "head"
        self._unfinished += len(data)
        super().data_received(data)
        if self._awaited and self._unfinished > LONGEST_HEAD and not self.transport.is_closing():
            self._refuse_head()
        elif self._awaited is not self._watched and not self._refused:
            self._watch()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._awaited = "head"
        self.scope["extensions"] = {DROP: {"drop": self.transport.abort}}

    def on_headers_complete(self) -> None:
        self._awaited = "body"
        self._unfinished = 0
        if self._has_long_head():
            self.app = _head_too_long  # in place of what would answer, in its turn, and the last of this connection
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._awaited = None
        self._unfinished = 0
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._awaited = None
        if self._has_long_head():
            self._refuse_head()
            return
        super().handle_websocket_upgrade()
        protocol = self.transport.get_protocol()
        if isinstance(protocol, _WebSocket) and not protocol.handshake_initiated:
            # It takes 128 headers of 8 KiB, and would keep the connection of one that it cannot read, without a word.
            self.send_400_response("This is no request for a WebSocket.")

    def _has_long_head(self) -> bool:
        """Return whether a head is too long that came with other requests, or all at once."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > LONGEST_HEAD

    def _refuse_head(self) -> None:
        """Say so where it is taken for the answer to this request, and listen no more to what cannot be understood."""
        self._refused = True
        if self._awaited == "body":
            is_next = not self.pipeline and not self.cycle.response_started
        else:
            is_next = self.cycle is None or self.cycle.response_complete
        if not is_next:
            self.transport.close()
            return
        headers = [*self.server_state.default_headers, *_REFUSED]
        lines = [b"HTTP/1.1 431 Request Header Fields Too Large", *(b"%s: %s" % header for header in headers)]
        self.transport.write(b"\r\n".join([*lines, b"", _TOO_LONG]))
        self.transport.write_eof()
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(_LINGER_SECONDS, self.transport.abort)

    def _watch(self) -> None:
        """Begin to wait for what is to come, and no longer for what has."""
        if self._deadline is not None:
            self._deadline.cancel()
        seconds = {"head": HEAD_SECONDS, "body": BODY_SECONDS}.get(self._awaited or "")
        self._deadline = self.loop.call_later(seconds, self.transport.abort) if seconds else None
        self._watched = self._awaited


async def _head_too_long(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 431, "headers": _REFUSED})
    await send({"type": "http.response.body", "body": _TOO_LONG})


class _WebSocket(WebSocketsSansIOProtocol):
    async def run_asgi(self) -> None:
        self.scope["extensions"] = {**(self.scope["extensions"] or {}), DROP: {"drop": self.transport.abort}}
        await super().run_asgi()

    async def send(self, message: Any) -> None:
        """Send it; an answer in place of a handshake is the end of it, which uvicorn takes for one that never came."""
        await super().send(message)
        self.handshake_complete = self.handshake_complete or self.close_sent


def _allow_many_connections() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
