"""A load generator that costs little: HTTP/1.1 with keep-alive on bare connections, requests as ready-made bytes.

It understands what these benchmarks are answered with (a status, a content-length, a body) and no more.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import cast

SECONDS_TO_ANSWER = 30.0
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"


class UnexpectedAnswerError(Exception):
    """An answer that does not count: what was measured would not be what was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a run of closed-loop clients came to; `latencies` are seconds, one an answer."""

    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answered: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(_END_OF_HEAD)
        if end < 0 or self._answered is None:
            return
        head, start = bytes(self._received[:end]).lower(), end + len(_END_OF_HEAD)
        length = _length(head)
        if len(self._received) >= start + length:
            answer = Answer(status=int(head[9:12]), body=bytes(self._received[start : start + length]))
            self._received.clear()
            if not self._answered.done():
                self._answered.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(exc or ConnectionError("the server closed the connection"))

    async def ask(self, request: bytes) -> Answer:
        assert self._transport is not None
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answered

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def post(path: str, body: bytes, *, token: str | None = None) -> bytes:
    """Return a whole request with a JSON body."""
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
        f"{bearer}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def graphql(document: str, variables: object, *, token: str) -> bytes:
    """Return a whole request for our endpoint."""
    return post("/graphql", json.dumps({"query": document, "variables": variables}).encode(), token=token)


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n".encode()


@asynccontextmanager
async def connections(port: int, count: int) -> AsyncIterator[list[Connection]]:
    loop = asyncio.get_running_loop()
    made = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(count)]
    try:
        yield made
    finally:
        for connection in made:
            connection.close()


async def closed_loop(
    port: int, requests: Iterator[bytes], accept: Callable[[Answer], bool], *, clients: int, seconds: float
) -> Load:
    """Let each client send its next request when its last one is answered, until time or the requests are over."""
    latencies: list[float] = []

    async def client(connection: Connection, until: float) -> None:
        for request in requests:
            asked = perf_counter()
            if asked > until:
                return
            answer = await connection.ask(request)
            latencies.append(perf_counter() - asked)
            check(answer, accept)

    async with connections(port, clients) as made, asyncio.timeout(seconds + SECONDS_TO_ANSWER):
        began = perf_counter()
        async with asyncio.TaskGroup() as group:
            for connection in made:
                group.create_task(client(connection, began + seconds))
        return Load(seconds=perf_counter() - began, latencies=latencies)


def check(answer: Answer, accept: Callable[[Answer], bool]) -> None:
    if not accept(answer):
        raise UnexpectedAnswerError(f"{answer.status}: {answer.body[:500].decode(errors='replace')}")


def _length(head: bytes) -> int:
    place = head.find(_LENGTH)
    if place < 0:
        raise UnexpectedAnswerError(f"an answer without a length: {head.decode(errors='replace')}")
    return int(head[place + len(_LENGTH) :].split(b"\r\n", 1)[0])
