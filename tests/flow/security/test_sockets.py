"""What a WebSocket cannot do to a server in production, nor many of them."""

import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from api.server import LONGEST_MESSAGE
from api.settings import Settings
from api.streams import Bounds
from tests.support.client import Client
from tests.support.raw import answer_to
from tests.support.serving import Served, eventually, serving
from tests.support.socket import PROTOCOL, Socket, connected, opened

ANY = "{ __typename }"
UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
CHANGED = "subscription ($id: ID!) { orderChanged(orderId: $id) { version } }"


@pytest.fixture
def socket(served: Served) -> Iterator[Socket]:
    with opened(served.url) as socket:
        yield socket


def assert_nothing_is_logged(caplog: pytest.LogCaptureFixture, served: Served) -> None:
    """Assert that nobody is told of what clients do, once all that they asked is answered."""
    eventually(lambda: not served.server.server_state.tasks)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_s44_nothing_is_carried_out_before_init(socket: Socket) -> None:
    socket.subscribe("1", ANY)
    assert socket.closed() == (4401, "Unauthorized")


def test_s44_the_older_protocol_is_not_spoken(served: Served) -> None:
    with opened(served.url, protocol=Subprotocol("graphql-ws")) as socket:
        assert socket.closed() == (4406, "Subprotocol not acceptable")


def test_s45_a_socket_without_init_is_closed(in_production: Settings) -> None:
    assert Bounds().init_seconds <= 5
    with serving(in_production, init_seconds=0.2) as served, opened(served.url) as socket:
        assert socket.closed() == (4408, "Connection initialisation timeout")


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "https://shop.example.com.evil.test", "file://"])
def test_s48_a_page_of_another_site_cannot_connect(
    origin: str, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InvalidStatus) as refused, opened(served.url, origin=Origin(origin)):
        pass
    response = refused.value.response
    assert response.status_code == 403
    assert [each["extensions"]["code"] for each in json.loads(response.body or b"")["errors"]] == ["FORBIDDEN"]
    assert_nothing_is_logged(caplog, served)


def test_s48_pages_of_this_host_and_of_those_that_are_named_connect(served: Served) -> None:
    for origin in (served.url, "https://shop.example.com"):
        with connected(served.url, origin=Origin(origin)) as socket:
            socket.subscribe("1", ANY)
            assert socket.next()["data"] == {"__typename": "Query"}


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '"connection_init"',
        "{",
        "[" * 60_000,
        '{"type": "subscribe", "id": 7, "payload": {"query": "{ __typename }"}}',
        '{"type": "ping", "payload": ' + '{"a": ' * 5000 + "1" + "}" * 5000 + "}",
    ],
    ids=lambda text: text[:60],
)
def test_s49_a_message_that_is_none_is_closed_with_a_code(
    text: str, socket: Socket, caplog: pytest.LogCaptureFixture
) -> None:
    socket.init()
    socket.connection.send(text)
    assert socket.closed()[0] == 4400
    assert not [record for record in caplog.records if record.exc_info]


def test_s50_a_socket_has_the_limits_that_requests_have(served: Served) -> None:
    with connected(served.url) as socket:
        socket.subscribe("1", f"{{ {' '.join(f'a{number}: __typename' for number in range(16))} }}")
        assert socket.codes() == ["DOCUMENT_TOO_COMPLEX"]
        socket.subscribe("1", ANY)
        assert socket.next()["extensions"]["cost"]["document"] == 1


def test_s50_a_socket_has_the_budget_that_requests_have(in_production: Settings) -> None:
    few = replace(in_production, limits=replace(in_production.limits, rate=100))
    with serving(few) as served, connected(served.url) as socket:
        asked = {"query": "{ products(first: 100) { nodes { id } } }"}
        assert httpx.post(f"{served.url}/graphql", json=asked).status_code == 200
        socket.subscribe("1", "mutation { __typename }")
        assert socket.codes() == ["RATE_LIMITED"]


def test_s51_sockets_of_an_address_are_bounded(in_production: Settings, caplog: pytest.LogCaptureFixture) -> None:
    most = in_production.limits.streams_of_an_address
    assert most == 20
    with serving(in_production) as served:
        with ExitStack() as stack:
            for _ in range(most):
                stack.enter_context(connected(served.url))
            with pytest.raises(InvalidStatus) as refused, opened(served.url):
                pass
            assert refused.value.response.status_code == 429
            assert httpx.post(f"{served.url}/graphql", json={"query": ANY}).status_code == 200
        eventually(lambda: served.streams.open == 0)
        assert_nothing_is_logged(caplog, served)
        assert served.streams._of == {}
        with connected(served.url):
            pass


def test_s51_operations_of_a_socket_are_bounded(served: Served, stranger: Client, operator: Client) -> None:
    user = stranger.registered()
    order = operator.ordered(user, operator.added())
    with connected(served.url, operator.token) as socket:
        for number in range(10):
            socket.subscribe(str(number), CHANGED, id=order)
            socket.next(str(number))
        socket.subscribe("10", CHANGED, id=order)
        assert socket.codes("10") == ["TOO_MANY_OPERATIONS"]


def test_s51_a_frame_is_bounded_and_never_compressed(served: Served) -> None:
    assert LONGEST_MESSAGE == 65_536
    address = served.url.replace("http", "ws", 1) + "/graphql"
    with connect(address, subprotocols=[PROTOCOL], extensions=[ClientPerMessageDeflateFactory()]) as connection:
        assert connection.protocol.extensions == []
        connection.send(json.dumps({"type": "ping", "payload": {"much": "x" * LONGEST_MESSAGE}}))
        assert Socket(connection).closed()[0] == 1009


def test_s59_a_host_that_is_not_ours_is_refused_a_socket(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    assert answer_to(served.url, UPGRADE + b"Host: evil.test\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert_nothing_is_logged(caplog, served)


@pytest.mark.parametrize("headers", [b"X: %s\r\n" % (b"a" * 9000), b"X: a\r\n" * 130, b"Content-Length: 5\r\n"])
def test_a_handshake_that_cannot_be_read_is_let_go(headers: bytes, served: Served) -> None:
    request = UPGRADE + b"Host: 127.0.0.1\r\n" + headers + b"\r\n"
    assert answer_to(served.url, request).startswith(b"HTTP/1.1 400 ")
