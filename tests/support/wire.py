"""A wire to Valkey over TCP that can be cut: neither end hears of it, as when a firewall forgets a connection.

It can also be reset, of which both ends hear at once, and be slow.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

_PIECE = 65_536


class Wire:
    """Passes bytes on. What was connected, or becomes so, while it is cut stays silent for ever, and open."""

    def __init__(self, socket: Path, host: str) -> None:
        self._socket = socket
        self._host = host
        self._cuts = 0
        self._is_cut = False
        self._ends: set[asyncio.StreamWriter] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.port = 0
        self.delay = 0.0
        """Seconds that all takes, in either direction, on connections that are made from now on."""

    @property
    def url(self) -> str:
        return f"redis://{self._host}:{self.port}/0"

    def cut(self) -> None:
        self._is_cut = True
        self._cuts += 1

    def mend(self) -> None:
        """Let new connections pass; the old ones are lost."""
        self._is_cut = False

    def reset(self) -> None:
        """Break all connections that are there; new ones pass."""
        assert self._loop
        self._loop.call_soon_threadsafe(self._abort)

    async def serve(self, ready: Event, until: asyncio.Event) -> None:
        server = await asyncio.start_server(self._connected, self._host, 0)
        self.port = server.sockets[0].getsockname()[1]
        self._loop = asyncio.get_running_loop()
        ready.set()
        await until.wait()
        server.close()
        self._abort()
        await asyncio.sleep(0)

    def _abort(self) -> None:
        for end in self._ends:
            end.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made_at = self._cuts
        self._ends.add(writer)
        if self._is_cut:
            return  # nobody reads it, nobody closes it
        try:
            behind_reader, behind_writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            self._close(writer)
            return
        self._ends.add(behind_writer)
        await asyncio.gather(
            self._pass_on(reader, behind_writer, made_at), self._pass_on(behind_reader, writer, made_at)
        )

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, made_at: int) -> None:
        delay = self.delay
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                if made_at == self._cuts and delay:
                    asyncio.get_running_loop().call_later(delay, writer.write, piece)
                elif made_at == self._cuts:
                    writer.write(piece)
                    await writer.drain()
        if made_at == self._cuts:
            if delay:
                await asyncio.sleep(delay)
            self._close(writer)

    def _close(self, end: asyncio.StreamWriter) -> None:
        self._ends.discard(end)
        end.close()


@contextmanager
def wire(socket: Path, host: str = "127.0.0.1") -> Iterator[Wire]:
    found, ready, until = Wire(socket, host), Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    def run() -> None:
        loop.run_until_complete(found.serve(ready, until))
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))

    thread = Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    try:
        yield found
    finally:
        loop.call_soon_threadsafe(until.set)
        thread.join()
        loop.close()
