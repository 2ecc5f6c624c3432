"""Operations whose answers are a stream, whatever carries them: how many there may be, and how long."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from graphql import GraphQLError
from starlette.types import Scope
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from api.asked import Asked
from api.context import Context
from api.cost import Limits
from api.errors import ApiError, give_codes
from api.schema import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    streams: int = 5000
    """Of a process: WebSockets, and event streams."""
    connections: int = 6000
    """Of a process, with those of requests."""
    streams_of_an_address: int | None = None
    operations: int = 10
    """Of a WebSocket, at a time."""
    init_seconds: float = 5.0
    """From the opening of a WebSocket to its connection_init."""
    send_seconds: float = 10.0
    """How long one message may wait for a reader that does not read."""
    ping_seconds: float = 20.0
    """Between two signs of life."""
    documents: Limits = field(default_factory=Limits)


DROP = "tandem.drop"
"""The extension of a server that can drop a connection, whatever of it is still to be read."""


class UnreadError(Exception):
    """The reader takes nothing in."""


class Streams:
    """All streams of a process."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.stopping = False
        self._ends: set[asyncio.Timeout] = set()
        self._of: Counter[str] = Counter()

    @property
    def open(self) -> int:
        return len(self._ends)

    def require_room(self, address: str) -> None:
        if self.stopping or self.open >= self.bounds.streams:
            raise ApiError("OVERLOADED", "There are too many streams: try again later.")
        most = self.bounds.streams_of_an_address
        if most is not None and self._of[address] >= most:
            raise ApiError("TOO_MANY_STREAMS", f"Your address has {most} streams, which is all it may: end one first.")

    @asynccontextmanager
    async def opened(self, seconds: float | None, address: str) -> AsyncIterator[asyncio.Timeout]:
        """Let a stream run, which ends with TimeoutError: after that time, or when the process stops."""
        async with asyncio.timeout(seconds) as end:
            self._ends.add(end)
            self._of[address] += 1
            try:
                yield end
            finally:
                self._ends.discard(end)
                self._of[address] -= 1
                self._of += Counter()  # which forgets who has none

    def stop(self) -> None:
        """End all streams at once; nobody shall wait for them."""
        self.stopping = True
        for end in self._ends:
            if not end.expired():
                end.reschedule(0)


def address_of(scope: Scope) -> str:
    """Return the address that a client has, as the server tells it; headers are believed by it, or not at all."""
    client = scope.get("client")
    return str(client[0]) if client else ""


async def within(seconds: float, sending: Awaitable[None], scope: Scope) -> None:
    """Send something; drop the connection of a reader that does not take it in time, and raise UnreadError."""
    try:
        async with asyncio.timeout(seconds):
            await sending
    except TimeoutError as error:
        if extension := scope.get("extensions", {}).get(DROP):
            extension["drop"]()
        raise UnreadError from error


def seconds_until(moment: datetime | None) -> float | None:
    return None if moment is None else max(0.0, (moment - datetime.now(UTC)).total_seconds())


async def results(
    schema: Schema, document: str, wanted: Asked, context: Context
) -> AsyncGenerator[ExecutionResult, None]:
    """Run an operation and yield its results; those of a subscription with the token that goes on behind them."""
    try:
        source = await schema.stream(
            document,
            variable_values=wanted.variables,
            context_value=context,
            operation_name=wanted.operation_name,
            operation_extensions=wanted.extensions,
        )
        async with aclosing(source):
            async for result in source:
                if context.resume.token is not None:
                    result.extensions = {**(result.extensions or {}), "token": str(context.resume.token)}
                yield cast("ExecutionResult", result)  # the others are of @defer, which the schema does not have
    except GraphQLError as error:  # what extensions raise, `stream` hands on as it is
        give_codes([error], executed=False)
        yield PreExecutionError(data=None, errors=[error])


def payload(result: ExecutionResult) -> dict[str, Any]:
    """Return a result as JSON has it."""
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [error.formatted for error in result.errors]
    if result.extensions:
        answer["extensions"] = result.extensions
    return answer
