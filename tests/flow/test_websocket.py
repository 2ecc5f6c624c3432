"""graphql-transport-ws, message by message: what PROTOCOL.md of graphql-ws says, and the code of each close."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from api.auth import mint
from api.server import LONGEST_MESSAGE
from api.settings import AuthSettings, Settings
from tests.conftest import Live
from tests.support.client import Client
from tests.support.serving import Served, eventually, serving
from tests.support.socket import PROTOCOL, Socket, connected, opened

NO_ORDER = "0199c0de-0000-7000-8000-00000000dead"

TYPENAME = {"data": {"__typename": "Query"}}
CHANGED = "subscription ($id: ID!) { orderChanged(orderId: $id) { status version } }"
OF_USER = "subscription ($id: ID!) { userOrdersChanged(userId: $id) { id version } }"


def expiring_in(seconds: float, subject: str = "tests") -> str:
    """Return a token that is taken for that long, with the seconds that clocks are allowed to differ."""
    return mint(AuthSettings(), subject=subject, role="staff", lifetime=timedelta(seconds=seconds - 10))


@pytest.fixture
def socket(live: Live) -> Iterator[Socket]:
    with opened(live.url) as socket:
        yield socket


@pytest.fixture
def ready(live: Live, staff_token: str) -> Iterator[Socket]:
    with connected(live.url, staff_token) as socket:
        yield socket


@pytest.fixture(scope="module")
def hasty(settings: Settings) -> Iterator[Served]:
    """An API that waits for nobody."""
    with serving(settings, init_seconds=0.2, ping_seconds=0.1, streams=3, operations=2) as served:
        yield served


@pytest.fixture
def order(staff: Client) -> str:
    return staff.ordered(staff.registered(), staff.added())


class TestOpening:
    def test_agrees_on_the_protocol(self, socket: Socket) -> None:
        assert socket.connection.subprotocol == PROTOCOL

    @pytest.mark.parametrize("protocol", [None, Subprotocol("graphql-ws")])
    def test_without_the_protocol_is_closed_with_4406(self, protocol: Subprotocol | None, live: Live) -> None:
        with opened(live.url, protocol=protocol) as socket:
            assert socket.closed() == (4406, "Subprotocol not acceptable")

    def test_of_more_sockets_than_allowed_is_refused_as_one_of_more_event_streams_is(self, hasty: Served) -> None:
        with connected(hasty.url), connected(hasty.url), connected(hasty.url):
            with pytest.raises(InvalidStatus) as refused, opened(hasty.url):
                pass
            events = {"Accept": "text/event-stream"}
            alike = httpx.post(f"{hasty.url}/graphql", json={"query": "{ __typename }"}, headers=events)
        message = "There are too many streams: try again later."
        response = refused.value.response
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert json.loads(response.body or b"") == {
            "errors": [{"message": message, "extensions": {"code": "OVERLOADED"}}]
        }
        assert (alike.status_code, alike.headers["Retry-After"], alike.content) == (503, "5", response.body)
        eventually(lambda: not hasty.streams._ends)
        with connected(hasty.url):
            pass

    @pytest.mark.parametrize("path", ["/", "/graphiql", "/nowhere"])
    def test_elsewhere_is_refused(self, path: str, live: Live) -> None:
        with pytest.raises((InvalidStatus, ConnectionClosed)), opened(live.url + path):
            pass


class TestInit:
    @pytest.mark.parametrize("message", [{}, {"payload": None}, {"payload": {}}, {"payload": {"Authorization": None}}])
    def test_is_acknowledged(self, message: dict[str, Any], socket: Socket) -> None:
        socket.say({"type": "connection_init", **message})
        assert socket.hear() == {"type": "connection_ack"}

    @pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
    def test_signs_in(self, name: str, socket: Socket, order: str, staff_token: str) -> None:
        socket.say({"type": "connection_init", "payload": {name: f"Bearer {staff_token}"}})
        assert socket.hear() == {"type": "connection_ack"}
        socket.subscribe("1", CHANGED, id=order)
        assert socket.next()["data"] == {"orderChanged": {"status": "PENDING", "version": 1}}

    def test_signs_in_by_the_header_of_the_upgrade(self, live: Live, order: str, staff_token: str) -> None:
        with connected(live.url, additional_headers={"Authorization": f"Bearer {staff_token}"}) as socket:
            socket.subscribe("1", CHANGED, id=order)
            assert socket.next()["data"] == {"orderChanged": {"status": "PENDING", "version": 1}}

    @pytest.mark.parametrize("value", ["Bearer nonsense", "nonsense", 7, ["Bearer"], {}])
    def test_with_a_token_that_does_not_hold_is_closed_with_4403(self, value: object, socket: Socket) -> None:
        socket.say({"type": "connection_init", "payload": {"Authorization": value}})
        assert socket.closed()[0] == 4403

    def test_a_second_time_is_closed_with_4429(self, ready: Socket) -> None:
        ready.say({"type": "connection_init"})
        assert ready.closed() == (4429, "Too many initialisation requests")

    def test_that_does_not_come_is_closed_with_4408(self, hasty: Served) -> None:
        with opened(hasty.url) as socket:
            assert socket.closed() == (4408, "Connection initialisation timeout")

    def test_lasts_as_long_as_its_token_and_is_closed_with_4403(self, live: Live) -> None:
        with connected(live.url, expiring_in(1)) as socket:
            assert socket.closed() == (4403, "The token has expired: sign in again.")

    def test_with_an_expired_token_is_closed_with_4403(self, socket: Socket) -> None:
        socket.say({"type": "connection_init", "payload": {"Authorization": f"Bearer {expiring_in(-1)}"}})
        assert socket.closed() == (4403, "The token has expired: sign in again.")


class TestPing:
    @pytest.mark.parametrize("payload", [{}, {"payload": {"at": 7}}])
    def test_is_answered_with_what_it_brings(self, payload: dict[str, Any], socket: Socket) -> None:
        socket.say({"type": "ping", **payload})  # also before the connection is initialised
        assert socket.hear() == {"type": "pong", **payload}

    def test_comes_from_the_server_too(self, hasty: Served) -> None:
        with connected(hasty.url) as socket:
            assert json.loads(socket.connection.recv(10)) == {"type": "ping"}

    def test_may_be_answered_unasked(self, ready: Socket) -> None:
        ready.say({"type": "pong", "payload": {"at": 7}})
        ready.subscribe("1", "{ __typename }")
        assert ready.next() == TYPENAME


class TestOperations:
    def test_before_the_acknowledgement_are_closed_with_4401(self, socket: Socket) -> None:
        socket.subscribe("1", "{ __typename }")
        assert socket.closed() == (4401, "Unauthorized")

    def test_may_be_a_query(self, ready: Socket) -> None:
        ready.subscribe("1", "{ __typename }")
        assert [ready.hear(), ready.hear()] == [
            {"id": "1", "type": "next", "payload": TYPENAME},
            {"id": "1", "type": "complete"},
        ]

    def test_may_be_a_mutation(self, ready: Socket) -> None:
        document = """
            mutation ($email: String!) {
              registerUser(input: {name: "Ada", email: $email}) { ... on UserAccepted { version user { name } } }
            }
        """
        ready.subscribe("1", document, email=f"{uuid4().hex}@example.com")
        answer = ready.next()
        assert answer["data"] == {"registerUser": {"version": 1, "user": {"name": "Ada"}}}
        assert answer["extensions"]["freshness"].keys() == {"users_view"}
        assert ready.hear() == {"id": "1", "type": "complete"}

    @pytest.mark.parametrize(
        ("wanted", "code"),
        [
            ({"query": "subscription {"}, "GRAPHQL_PARSE_FAILED"),
            ({"query": "subscription { nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
            ({"query": ""}, "BAD_REQUEST"),
            ({"query": "fragment F on Order { id }"}, "BAD_REQUEST"),
            ({"query": "query A { __typename } query B { __typename }"}, "BAD_REQUEST"),
            ({"query": "query A { __typename }", "operationName": "B"}, "BAD_REQUEST"),
            ({"query": 'subscription { orderChanged(orderId: "7") { id } }'}, "BAD_USER_INPUT"),
            ({"query": f'subscription {{ orderChanged(orderId: "{NO_ORDER}") {{ id }} }}'}, "NOT_FOUND"),
        ],
    )
    def test_that_cannot_run_are_an_error_and_no_more(self, wanted: dict[str, Any], code: str, ready: Socket) -> None:
        ready.say({"id": "1", "type": "subscribe", "payload": wanted})
        assert ready.codes() == [code]
        ready.subscribe("1", "{ __typename }")  # the id is free again, and nothing came between
        assert ready.next() == TYPENAME

    def test_may_have_an_operation_name_variables_and_extensions_of_null(self, ready: Socket) -> None:
        nothing = {"operationName": None, "variables": None, "extensions": None}
        ready.say({"id": "1", "type": "subscribe", "payload": {"query": "{ __typename }", **nothing}})
        assert ready.next() == TYPENAME

    def test_with_an_id_that_is_in_use_are_closed_with_4409(self, ready: Socket, order: str) -> None:
        ready.subscribe("1", CHANGED, id=order)
        ready.next()
        ready.subscribe("1", CHANGED, id=order)
        assert ready.closed() == (4409, "Subscriber for 1 already exists")

    def test_may_use_an_id_again_that_the_client_has_completed(self, ready: Socket, order: str) -> None:
        for _ in range(3):
            ready.subscribe("1", CHANGED, id=order)
            assert ready.next()["data"] == {"orderChanged": {"status": "PENDING", "version": 1}}
            ready.complete("1")

    def test_that_the_client_has_completed_say_nothing_more(self, ready: Socket, order: str, staff: Client) -> None:
        ready.subscribe("1", CHANGED, id=order)
        ready.subscribe("2", CHANGED, id=order)
        assert sorted(ready.hear()["id"] for _ in range(2)) == ["1", "2"]
        ready.complete("1")
        staff.paid(order)
        assert ready.next("2")["data"] == {"orderChanged": {"status": "PAID", "version": 2}}
        assert ready.silent()

    def test_that_are_not_there_may_be_completed(self, ready: Socket) -> None:
        ready.complete("7")
        ready.subscribe("1", "{ __typename }")
        assert ready.next() == TYPENAME

    def test_of_more_than_a_socket_may_have_are_an_error(self, hasty: Served, order: str, staff_token: str) -> None:
        with connected(hasty.url, staff_token) as socket:
            for name in ("1", "2"):
                socket.subscribe(name, CHANGED, id=order)
                socket.next(name)
            socket.subscribe("3", CHANGED, id=order)
            assert socket.codes("3") == ["TOO_MANY_OPERATIONS"]
            socket.complete("1")
            socket.subscribe("3", CHANGED, id=order)
            assert socket.next("3")["data"] == {"orderChanged": {"status": "PENDING", "version": 1}}


class TestAMessage:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "nonsense",
            "[]",
            '"connection_init"',
            "7",
            "null",
            "{}",
            '{"type": null}',
            '{"type": ["subscribe"]}',
            '{"type": "start", "id": "1"}',
            '{"type": "next", "id": "1"}',
            '{"type": "ping", "payload": 7}',
            '{"type": "subscribe"}',
            '{"type": "subscribe", "id": 7, "payload": {"query": "{ __typename }"}}',
            '{"type": "subscribe", "id": "", "payload": {"query": "{ __typename }"}}',
            '{"type": "subscribe", "id": "1"}',
            '{"type": "subscribe", "id": "1", "payload": []}',
            '{"type": "subscribe", "id": "1", "payload": {}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": 7}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": []}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "operationName": 7}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "extensions": "x"}}',
            '{"type": "complete"}',
            '{"type": "complete", "id": 7}',
        ],
    )
    def test_that_is_none_is_closed_with_4400(self, text: str, ready: Socket) -> None:
        ready.connection.send(text)
        code, reason = ready.closed()
        assert code == 4400
        assert reason

    def test_that_is_not_text_is_closed_with_4400(self, ready: Socket) -> None:
        ready.connection.send(b'{"type": "ping"}')
        assert ready.closed() == (4400, "A message must be text.")

    def test_with_an_init_that_is_no_object_is_closed_with_4400(self, socket: Socket) -> None:
        socket.say({"type": "connection_init", "payload": [1]})
        assert socket.closed() == (4400, "The payload must be an object.")

    def test_that_is_longer_than_any_needs_to_be_is_closed_with_1009(self, ready: Socket) -> None:
        ready.say({"type": "ping", "payload": {"much": "x" * LONGEST_MESSAGE}})
        assert ready.closed()[0] == 1009


class TestTheEnd:
    def test_of_a_client_without_a_word_releases_all(self, settings: Settings, order: str, staff_token: str) -> None:
        with serving(settings) as served:
            with connected(served.url, staff_token) as socket:
                socket.subscribe("1", CHANGED, id=order)
                socket.next()
                assert len(served.streams._ends) == 1
                socket.connection.socket.close()
            eventually(lambda: not served.streams._ends)

    def test_of_the_server_is_1012_at_once(self, settings: Settings, order: str, staff_token: str) -> None:
        with serving(settings) as served, connected(served.url, staff_token) as socket:
            socket.subscribe("1", CHANGED, id=order)
            socket.next()
            served.server.should_exit = True
            assert socket.closed()[0] == 1012


class TestAccess:
    def test_to_an_order_is_its_customer_s(self, live: Live, order: str, staff: Client) -> None:
        owner = staff.ask("query ($id: ID!) { order(id: $id) { userId } }", id=order)["order"]["userId"]
        assert first(live, owner, CHANGED, order)["data"] == {"orderChanged": {"status": "PENDING", "version": 1}}

    def test_to_another_s_order_is_refused_as_if_there_were_none(self, live: Live, order: str, staff: Client) -> None:
        stranger = staff.registered()
        anothers, none = first(live, stranger, CHANGED, order), first(live, stranger, CHANGED, str(uuid4()))
        assert anothers == none
        assert [error["extensions"]["code"] for error in none["errors"]] == ["NOT_FOUND"]

    def test_to_another_s_orders_is_refused_whether_or_not_there_is_such_a_user(
        self, live: Live, staff: Client
    ) -> None:
        stranger, somebody = staff.registered(), staff.registered()
        anothers, none = first(live, stranger, OF_USER, somebody), first(live, stranger, OF_USER, str(uuid4()))
        assert anothers == none
        assert [error["extensions"]["code"] for error in none["errors"]] == ["FORBIDDEN"]

    @pytest.mark.parametrize("document", [CHANGED, OF_USER])
    def test_of_nobody_is_refused(self, document: str, live: Live, order: str) -> None:
        [error] = first(live, None, document, order)["errors"]
        assert error["extensions"]["code"] == "UNAUTHENTICATED"


def first(live: Live, customer: str | None, document: str, wanted: str) -> dict[str, Any]:
    """Return what is answered first to a customer's, or nobody's, subscription."""
    with httpx.Client(base_url=live.url) as http:
        nobody = Client(http=http)
        token = nobody.as_customer(UUID(customer)).token if customer else None
    with connected(live.url, token) as socket:
        socket.subscribe("1", document, id=wanted)
        message = socket.hear()
        return message["payload"] if message["type"] == "next" else {"errors": message["payload"]}
