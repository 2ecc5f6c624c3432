"""A frontend over WebSocket, which speaks graphql-transport-ws, or whatever a test wants to say instead."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

PROTOCOL = Subprotocol("graphql-transport-ws")
PATIENCE = 15.0  # seconds
Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Socket:
    connection: ClientConnection

    def say(self, message: object) -> None:
        self.connection.send(json.dumps(message))

    def hear(self, seconds: float = PATIENCE) -> Message:
        """Return the next message that is no ping."""
        while True:
            message: Message = json.loads(self.connection.recv(seconds))
            if message["type"] != "ping":
                return message

    def init(self, token: str | None = None) -> None:
        payload = {"Authorization": f"Bearer {token}"} if token else None
        self.say({"type": "connection_init", "payload": payload})
        assert self.hear() == {"type": "connection_ack"}

    def subscribe(self, name: str, document: str, **variables: Any) -> None:
        self.say({"id": name, "type": "subscribe", "payload": {"query": document, "variables": variables}})

    def complete(self, name: str) -> None:
        self.say({"id": name, "type": "complete"})

    def next(self, name: str = "1", seconds: float = PATIENCE) -> Message:
        """Return the payload of the next result of an operation, which has no errors."""
        message = self.hear(seconds)
        assert (message["type"], message["id"]) == ("next", name), message
        payload: Message = message["payload"]
        assert "errors" not in payload, payload
        return payload

    def codes(self, name: str = "1") -> list[str]:
        """Return the codes of the errors that an operation ended with."""
        message = self.hear()
        assert (message["type"], message["id"]) == ("error", name), message
        return [error["extensions"]["code"] for error in message["payload"]]

    def silent(self, seconds: float = 0.3) -> bool:
        """Return whether nothing more comes, not even what was sent before an answer to a ping."""
        try:
            self.hear(seconds)
        except TimeoutError:
            return True
        return False

    def closed(self) -> tuple[int, str]:
        """Return the code and the reason that the server closes with; what it says before does not matter."""
        with pytest.raises(ConnectionClosed) as end:
            self._hear_all()
        closed = end.value.rcvd
        assert closed is not None, end.value
        return closed.code, closed.reason

    def _hear_all(self) -> None:
        while True:
            self.connection.recv(PATIENCE)


@contextmanager
def opened(url: str, *, protocol: Subprotocol | None = PROTOCOL, **how: Any) -> Iterator[Socket]:
    subprotocols = [protocol] if protocol else None
    address = url.replace("http", "ws", 1) + "/graphql"
    with connect(address, subprotocols=subprotocols, compression=None, close_timeout=1, **how) as connection:
        yield Socket(connection)


@contextmanager
def connected(url: str, token: str | None = None, **how: Any) -> Iterator[Socket]:
    with opened(url, **how) as socket:
        socket.init(token)
        yield socket
