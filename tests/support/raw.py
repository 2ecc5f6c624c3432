"""A client that sends bytes, whether or not they are HTTP, and says what comes back."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

PATIENCE = 30.0  # seconds


@contextmanager
def dialled(url: str) -> Iterator[socket.socket]:
    address = httpx.URL(url)
    with socket.create_connection((address.host, address.port), timeout=PATIENCE) as connection:
        yield connection


def until_closed(connection: socket.socket) -> bytes:
    """Return what comes until the other end closes; raise TimeoutError where it never does."""
    answer = b""
    try:
        while piece := connection.recv(65_536):
            answer += piece
    except ConnectionResetError:
        pass
    return answer


def answer_to(url: str, *pieces: bytes) -> bytes:
    """Return all that is answered to these bytes by a server that then closes."""
    with dialled(url) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return until_closed(connection)
