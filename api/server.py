"""The HTTP and WebSocket server: how long it waits for whom, and how much of a connection it keeps."""

import resource
import socket
import sys
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

LONGEST_MESSAGE = 256 * 1024  # bytes of a WebSocket's message; a longer one closes it with 1009
_FILES = 65_536
_UNREAD_SECONDS = 10.0


class Server(uvicorn.Server):
    """Listens at `host` and `port`; when it is to stop, `stop` ends what would not end by itself."""

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        *,
        stop: Callable[[], None],
        unread_seconds: float = _UNREAD_SECONDS,
    ) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
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
        self._unread_seconds = unread_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in self.servers:
            for each in listener.sockets:
                _end_when_unread(each, self._unread_seconds)

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


def _end_when_unread(listening: socket.socket, seconds: float) -> None:
    """Let connections end when their reader takes nothing for that long, also those that were closed meanwhile.

    The system does that, where it can (Linux); a server that closes such a connection waits for its reader for ever.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT") and listening.family != socket.AF_UNIX:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * seconds))


def _allow_many_connections() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
