"""Who sends slowly, or nothing at all, is let go; what is too much is told so."""

import json
import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from api import server
from api.settings import Settings
from api.streams import Bounds
from tests.support.raw import answer_to, dialled, until_closed
from tests.support.serving import Served, eventually, serving

HEAD = b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
BODY = b'{"query": "{ __typename }"}'
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
LIVE = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
UPGRADE = LIVE + b"Connection: upgrade\r\nUpgrade: websocket\r\n"
MUCH = b"a" * (server.LONGEST_HEAD + 1)


@pytest.fixture
def hasty(in_production: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server that waits for a third of a second where it would for 10 or 15."""
    assert (server.HEAD_SECONDS, server.BODY_SECONDS, server.IDLE_SECONDS) == (10, 15, 10)
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "IDLE_SECONDS"):
        monkeypatch.setattr(server, name, 0.3)
    with serving(in_production) as served:
        yield served


def trickled(connection: socket.socket, text: bytes) -> bytes:
    """Send a byte at a time until the other end has enough of it; return what it says."""
    connection.settimeout(0.02)
    for at in range(1000):
        try:
            connection.sendall(text[at % len(text) :][:1])
            if not connection.recv(65_536):
                return b""
        except TimeoutError:
            continue
        except ConnectionError:
            return b""
    pytest.fail("it listened for ever")


@pytest.mark.parametrize(
    ("sent", "then"),
    [
        (b"", b""),
        (b"", b"\r\n"),
        (b"GET /graphql HTT", b""),
        (b"GET /graphql HTTP/1.1\r\nX: ", b"a"),
        (HEAD + b"Content-Length: 1000\r\n\r\n{", b""),
        (HEAD + b"Content-Length: 1000\r\n\r\n{", b" "),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (b"PUT /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n", b" "),
    ],
    ids=["nothing", "blank lines", "half a head", "a slow head", "half a body", "a slow body", "chunks", "an answer"],
)
def test_s55_a_slow_request_is_let_go(sent: bytes, then: bytes, hasty: Served) -> None:
    with dialled(hasty.url) as connection:
        connection.sendall(sent)
        if then:
            assert trickled(connection, then) == b""
        else:
            assert until_closed(connection) == b""
    eventually(lambda: not hasty.server.server_state.connections)


@pytest.mark.parametrize(
    ("start", "rest"),
    [
        (b"GET /livez?", MUCH * 7),
        (LIVE + b"X: ", MUCH * 7),
        (LIVE, MUCH * 7),
        (LIVE + b"X: ", b"\r\n\r\n"),
        (LIVE + b"X: a\r\n" * 10_000 + b"Y: ", b"\r\n\r\n"),
        (UPGRADE + b"X: ", b"\r\n\r\n"),
        (CHUNKED + b"2\r\n{}\r\n0\r\nX: ", MUCH * 7),
        (CHUNKED + b"2;", MUCH * 7),
    ],
    ids=["a URL", "a header", "a name", "a whole head", "many headers", "an upgrade", "trailers", "a chunk's size"],
)
def test_a_head_has_a_bound_and_is_not_kept_beyond_it(start: bytes, rest: bytes, served: Served) -> None:
    assert server.LONGEST_HEAD == 65_536
    with dialled(served.url) as connection:
        connection.sendall(start)
        connection.sendall(MUCH + rest)
        assert until_closed(connection).startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


def test_a_head_of_a_connection_that_was_answered_has_the_same_bound(served: Served) -> None:
    with dialled(served.url) as connection:
        connection.sendall(WHOLE)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(LIVE + b"X: " + MUCH)
        assert until_closed(connection).startswith(b"HTTP/1.1 431 ")


def test_a_long_head_is_refused_after_the_requests_before_it(served: Served) -> None:
    answers = answer_to(served.url, WHOLE + WHOLE + LIVE + b"X: " + MUCH + b"\r\n\r\n")
    assert [piece[:3] for piece in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"431"]


def test_a_body_and_what_comes_with_it_are_not_taken_for_a_head(served: Served) -> None:
    long = json.dumps({"query": "{ __typename }", "extensions": {"much": "a" * 60_000}}).encode()
    request = LIVE + b"X: " + b"a" * 60_000 + b"\r\n\r\n" + HEAD + b"Content-Length: %d\r\n\r\n" % len(long) + long
    answers = answer_to(served.url, request * 3 + LIVE + b"Connection: close\r\n\r\n")
    assert [piece[:3] for piece in answers.split(b"HTTP/1.1 ")[1:]] == [b"200"] * 7


@pytest.mark.parametrize("then", [b"", b"\r\n", b"GET /graphql HTTP/1.1\r\nX: "])
def test_s55_a_connection_that_was_answered_is_let_go_too(then: bytes, hasty: Served) -> None:
    with dialled(hasty.url) as connection:
        connection.sendall(WHOLE)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        if then:
            assert trickled(connection, then) == b""
        else:
            assert until_closed(connection) == b""


@pytest.mark.parametrize("accept", [b"application/json", b"text/event-stream"])
def test_s55_who_leaves_amid_a_body_is_no_error(accept: bytes, hasty: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Neither one that closes its connection, nor one that is let go."""
    began = HEAD + b"Accept: " + accept + b"\r\nContent-Length: 1000\r\n\r\n{"
    with dialled(hasty.url) as connection:
        connection.sendall(began)
        assert until_closed(connection) == b""
    eventually(lambda: not hasty.server.server_state.tasks)
    with dialled(hasty.url) as connection:
        connection.sendall(began)
        eventually(lambda: hasty.server.server_state.tasks)
    eventually(lambda: not hasty.server.server_state.tasks)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_s55_who_is_in_time_is_answered_as_often_as_it_asks(hasty: Served) -> None:
    with dialled(hasty.url) as connection:
        connection.sendall(WHOLE + WHOLE)
        answers = b""
        while answers.count(b'"__typename":"Query"') < 2:
            answers += connection.recv(65_536)
        connection.sendall(HEAD)
        connection.sendall(WHOLE.removeprefix(HEAD))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_s56_idle_connections_are_bounded_and_keep_nobody_out(in_production: Settings) -> None:
    assert Bounds().connections == 6000
    with serving(in_production, connections=50) as served, ExitStack() as stack:
        asked = {"query": "{ __typename }"}
        for _ in range(48):
            stack.enter_context(dialled(served.url))
        assert httpx.post(f"{served.url}/graphql", json=asked).status_code == 200
        for _ in range(2):
            stack.enter_context(dialled(served.url))
        eventually(lambda: len(served.server.server_state.connections) == 50)
        refused = httpx.post(f"{served.url}/graphql", json=asked)
        assert (refused.status_code, refused.text) == (503, "Service Unavailable")
