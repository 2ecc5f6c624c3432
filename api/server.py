"""The HTTP and WebSocket server: what it keeps of a connection, how one is dropped, and how it stops at once."""

import resource
import socket
import sys
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.streams import DROP

LONGEST_MESSAGE = 256 * 1024  # bytes of a WebSocket's message; a longer one closes it with 1009
_FILES = 65_536


class Server(uvicorn.Server):
    """Listens at `host` and `port`; when it is to stop, `stop` ends what would not end by itself."""

    def __init__(self, app: ASGIApp, host: str, port: int, *, stop: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            http=_Http,
            ws=_WebSocket,
            log_level="warning",
            log_config=None,
            access_log=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=8,
            server_header=False,
            ws_max_size=LONGEST_MESSAGE,
            ws_per_message_deflate=False,  # it takes more memory than all else that is kept for a socket
        )
        super().__init__(config)
        self._stop = stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stop()
        await super().shutdown(sockets)


def run(app: ASGIApp, host: str, port: int, *, stop: Callable[[], None]) -> None:
    """Answer in the foreground until SIGTERM or Ctrl-C."""
    _allow_many_connections()
    server = Server(app, host, port, stop=stop)
    server.run()
    if not server.started:
        sys.exit(3)


# A connection that is closed waits until all is read of it, which may be for ever. These two let it be dropped.


class _Http(HttpToolsProtocol):
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {DROP: {"drop": self.transport.abort}}


class _WebSocket(WebSocketsSansIOProtocol):
    async def run_asgi(self) -> None:
        self.scope["extensions"] = {**(self.scope["extensions"] or {}), DROP: {"drop": self.transport.abort}}
        await super().run_asgi()


def _allow_many_connections() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
