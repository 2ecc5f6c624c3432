"""Live orders, as frontends follow them: every change once and in order, and on from a token after an interruption."""

import json
import socket as tcp
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.consistency import Token
from api.cost import Limits
from api.settings import Settings
from tests.conftest import Live
from tests.flow.test_websocket import expiring_in
from tests.support.client import Client
from tests.support.serving import another_api, eventually, serving
from tests.support.socket import Socket, connected

NO_ORDER = "0199c0de-0000-7000-8000-00000000dead"

CHANGED = """
    subscription ($id: ID!, $after: ConsistencyToken) {
      orderChanged(orderId: $id, after: $after) { id status version }
    }
"""
OF_USER = """
    subscription ($id: ID!, $after: ConsistencyToken) {
      userOrdersChanged(userId: $id, after: $after) { id userName version }
    }
"""
MUCH = f"""
    subscription ($id: ID!) {{
      orderChanged(orderId: $id) {{ {" ".join(f"a{n}: items {{ productId sku name quantity }}" for n in range(100))} }}
    }}
"""
EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture
def here(live: Live, staff_token: str) -> Iterator[Socket]:
    with connected(live.url, staff_token) as socket:
        yield socket


@pytest.fixture
def user(staff: Client) -> str:
    return staff.registered()


@pytest.fixture(scope="module")
def tea(staff: Client) -> str:
    return staff.added()


@pytest.fixture
def order(staff: Client, user: str, tea: str) -> str:
    return staff.ordered(user, tea)


def token_now(staff: Client, user: str) -> str:
    """Return the token of a change of a user without a consequence for its orders' rows but their e-mail."""
    given = {"userId": user, "email": f"{uuid4().hex}@example.com"}
    token = staff.give("changeUserEmail", given, select="user { id }")["token"]
    return str(token)


def versions(payloads: list[Any], field: str = "orderChanged") -> list[int]:
    return [payload["data"][field]["version"] for payload in payloads]


class TestOrderChanged:
    def test_shows_the_order_and_then_every_change_of_it(
        self, here: Socket, staff: Client, user: str, tea: str
    ) -> None:
        order = staff.ordered(user, tea)
        here.subscribe("1", CHANGED, id=order)
        shown = [here.next()]
        for change in (staff.paid, staff.shipped, staff.delivered):
            change(order)
            shown.append(here.next())
        assert [payload["data"]["orderChanged"] for payload in shown] == [
            {"id": order, "status": status, "version": version}
            for version, status in enumerate(["PENDING", "PAID", "SHIPPED", "DELIVERED"], start=1)
        ]

    def test_shows_no_other_order_of_its_user(self, here: Socket, staff: Client, user: str, tea: str) -> None:
        mine, another = staff.ordered(user, tea), staff.ordered(user, tea)
        here.subscribe("1", CHANGED, id=mine)
        here.next()
        staff.paid(another)
        staff.paid(mine)
        assert here.next()["data"]["orderChanged"] == {"id": mine, "status": "PAID", "version": 2}

    def test_waits_for_an_order_whose_token_it_is_given(self, here: Socket, staff: Client, user: str, tea: str) -> None:
        before, order = token_now(staff, user), str(uuid4())
        created = staff.give("createOrder", {"id": order, "userId": user, "items": [{"productId": tea, "quantity": 1}]})
        here.subscribe("1", CHANGED, id=order, after=created["token"])
        staff.paid(order)
        assert here.next()["data"]["orderChanged"] == {"id": order, "status": "PAID", "version": 2}
        here.subscribe("2", CHANGED, id=order, after=before)
        assert here.next("2")["data"]["orderChanged"] == {"id": order, "status": "PAID", "version": 2}

    def test_goes_on_behind_its_last_token_without_showing_that_again(
        self, here: Socket, staff: Client, user: str, tea: str
    ) -> None:
        order = staff.ordered(user, tea)
        here.subscribe("1", CHANGED, id=order)
        seen = here.next()["extensions"]["token"]
        here.complete("1")
        here.subscribe("2", CHANGED, id=order, after=seen)
        assert here.silent()
        staff.paid(order)
        assert here.next("2")["data"]["orderChanged"] == {"id": order, "status": "PAID", "version": 2}


class TestUserOrdersChanged:
    def test_shows_the_order_that_changed_last_and_then_what_changes(
        self, here: Socket, staff: Client, user: str, tea: str
    ) -> None:
        first, second = staff.ordered(user, tea), staff.ordered(user, tea)
        staff.paid(first)
        here.subscribe("1", OF_USER, id=user)
        begun = here.next()
        assert begun["data"]["userOrdersChanged"] == {"id": first, "userName": "Ada", "version": 2}
        assert begun["extensions"].keys() == {"token", "freshness"}
        assert begun["extensions"]["freshness"].keys() == {"user_orders_view"}
        listed = """
            query ($id: ID!, $token: ConsistencyToken) {
              userOrders(userId: $id, consistentWith: $token) { nodes { id } }
            }
        """
        answer = staff.ask(listed, id=user, token=begun["extensions"]["token"])
        assert answer == {"userOrders": {"nodes": [{"id": second}, {"id": first}]}}
        third = staff.ordered(user, tea)
        assert here.next()["data"]["userOrdersChanged"] == {"id": third, "userName": "Ada", "version": 1}
        assert here.silent()

    def test_of_a_user_without_orders_begins_with_the_first(
        self, here: Socket, staff: Client, user: str, tea: str
    ) -> None:
        here.subscribe("1", OF_USER, id=user)
        assert here.silent()
        order = staff.ordered(user, tea)
        assert here.next()["data"]["userOrdersChanged"] == {"id": order, "userName": "Ada", "version": 1}

    def test_shows_first_what_changed_behind_a_token(self, here: Socket, staff: Client, user: str, tea: str) -> None:
        first, before = staff.ordered(user, tea), token_now(staff, user)
        second = staff.ordered(user, tea)
        staff.paid(first)
        here.subscribe("1", OF_USER, id=user, after=before)
        shown = [here.next()["data"]["userOrdersChanged"] for _ in range(2)]
        assert [(order["id"], order["version"]) for order in shown] == [(second, 1), (first, 2)]
        assert here.silent()

    def test_goes_on_in_the_middle_of_an_event_that_changed_many(
        self, here: Socket, staff: Client, user: str, tea: str
    ) -> None:
        orders = {staff.ordered(user, tea) for _ in range(3)}
        before = token_now(staff, user)
        staff.give("renameUser", {"userId": user, "name": "Grace"}, select="user { name }")
        token, seen = before, []
        for name in ("1", "2", "3"):
            here.subscribe(name, OF_USER, id=user, after=token)
            payload = here.next(name)
            token = payload["extensions"]["token"]
            seen.append(payload["data"]["userOrdersChanged"])
            here.complete(name)
            while not here.silent():
                pass  # the others, which were under way
        assert {order["id"] for order in seen} == orders
        assert {order["userName"] for order in seen} == {"Grace"}
        here.subscribe("4", OF_USER, id=user, after=token)
        assert here.silent()

    @pytest.mark.parametrize("token", ["", "nonsense", "MS43LjAuMDA"])
    def test_refuses_a_token_that_is_none(self, token: str, here: Socket, user: str) -> None:
        here.subscribe("1", OF_USER, id=user, after=token)
        assert here.codes() == ["INVALID_TOKEN"]

    def test_refuses_the_token_of_another_partition(self, here: Socket, staff: Client, user: str) -> None:
        own = Token.parse(token_now(staff, user))
        foreign = Token(partition=(own.partition + 1) % 48, position=1)
        here.subscribe("1", OF_USER, id=user, after=str(foreign))
        assert here.codes() == ["INVALID_TOKEN"]

    def test_refuses_a_token_beyond_the_log(self, here: Socket, staff: Client, user: str) -> None:
        own = Token.parse(token_now(staff, user))
        here.subscribe("1", OF_USER, id=user, after=str(Token(partition=own.partition, position=own.position + 10**6)))
        assert here.codes() == ["STALE_READ"]


class TestGoingOn:
    def test_leaves_no_hole_and_repeats_nothing_while_orders_change(
        self, live: Live, staff: Client, staff_token: str, user: str, tea: str
    ) -> None:
        """A reader that comes and goes, after each few messages, beside four writers."""
        writers, orders_each = 4, 6
        token: str | None = token_now(staff, user)
        seen: list[tuple[str, int]] = []
        places: list[tuple[int, int]] = []
        with ThreadPoolExecutor(writers) as pool:
            writing = [pool.submit(change_orders, staff, user, tea, orders_each) for _ in range(writers)]
            last = 0
            while last < writers * orders_each:
                with connected(live.url, staff_token) as socket:
                    socket.subscribe("1", OF_USER, id=user, after=token)
                    for _ in range(7):
                        payload = socket.next()
                        order, token = payload["data"]["userOrdersChanged"], payload["extensions"]["token"]
                        at = Token.parse(str(token))
                        assert at.row is not None
                        places.append((at.position, at.row.int))
                        seen.append((order["id"], order["version"]))
                        last += order["version"] == 4
                        if last == writers * orders_each:
                            break
            made = [order for each in writing for order in each.result()]
        assert places == sorted(set(places))
        assert len(seen) == len(set(seen))
        assert {order for order, version in seen if version == 4} == set(made)
        assert {order for order, _ in seen} == set(made)

    def test_works_with_any_process_wherever_changes_are_made(
        self, here: Socket, settings: Settings, staff: Client, staff_token: str, order: str
    ) -> None:
        with (
            another_api(settings) as url,
            httpx.Client(base_url=url, timeout=10) as http,
            connected(url, staff_token) as there,
        ):
            for socket in (here, there):
                socket.subscribe("1", CHANGED, id=order)
                assert versions([socket.next()]) == [1]
            staff.paid(order)
            seen = [socket.next() for socket in (here, there)]
            assert versions(seen) == [2, 2]
            Client(http=http).as_staff().shipped(order)
            assert versions([socket.next() for socket in (here, there)]) == [3, 3]
            staff.delivered(order)
            there.subscribe("2", CHANGED, id=order, after=seen[0]["extensions"]["token"])
            answers = [there.hear(), there.hear()]
            assert sorted((answer["id"], versions([answer["payload"]])) for answer in answers) == [
                ("1", [4]),
                ("2", [4]),
            ]


class TestASlowReader:
    @pytest.mark.parametrize("how", ["websocket", "events"])
    def test_is_cut_and_makes_nobody_wait(
        self, how: str, settings: Settings, staff: Client, staff_token: str, user: str
    ) -> None:
        order = staff.ordered(user, *[staff.added(name=f"{number:0100}") for number in range(20)])
        silent = silent_socket if how == "websocket" else silent_events
        with (
            serving(settings, send_seconds=0.5, documents=Limits(aliases=100, fields=600)) as served,
            connected(served.url, staff_token) as quick,
            silent(served.url, staff_token, order),
        ):
            quick.subscribe("1", CHANGED, id=order)
            assert versions([quick.next()]) == [1]
            eventually(lambda: len(served.streams._ends) == 2)
            changes = 0
            while len(served.streams._ends) == 2:
                assert changes < 60
                token_now(staff, user)
                assert versions([quick.next()]) == [1]
                changes += 1
            eventually(lambda: len(served.server.server_state.connections) == 1)
            token_now(staff, user)
            assert versions([quick.next()]) == [1]


class TestEventStream:
    def test_shows_the_order_and_every_change_of_it(
        self, live: Live, staff: Client, staff_token: str, user: str, tea: str
    ) -> None:
        order = staff.ordered(user, tea)
        with following(live.url, staff_token, CHANGED, id=order) as events:
            shown = [next(events)]
            for change in (staff.paid, staff.shipped):
                change(order)
                shown.append(next(events))
        assert [name for name, _ in shown] == ["next", "next", "next"]
        assert versions([payload for _, payload in shown]) == [1, 2, 3]
        with following(live.url, staff_token, CHANGED, id=order, after=shown[0][1]["extensions"]["token"]) as events:
            assert versions([next(events)[1]]) == [3]

    def test_of_a_query_is_its_answer_and_complete(self, nobody: Client) -> None:
        answer = nobody.http.post("/graphql", json={"query": "{ __typename }"}, headers=EVENTS)
        assert answer.headers["content-type"] == "text/event-stream"
        assert list(parsed(answer.iter_lines())) == [("next", {"data": {"__typename": "Query"}}), ("complete", None)]

    @pytest.mark.parametrize(
        ("document", "code"),
        [
            ("subscription {", "GRAPHQL_PARSE_FAILED"),
            ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
            (f'subscription {{ orderChanged(orderId: "{NO_ORDER}") {{ id }} }}', "UNAUTHENTICATED"),
        ],
    )
    def test_tells_what_keeps_an_operation_from_running(self, document: str, code: str, nobody: Client) -> None:
        answer = nobody.http.post("/graphql", json={"query": document}, headers=EVENTS)
        (name, payload), end = parsed(answer.iter_lines())
        assert (answer.status_code, name, end) == (200, "next", ("complete", None))
        assert [error["extensions"]["code"] for error in payload["errors"]] == [code]

    def test_is_refused_with_a_token_that_does_not_hold(self, nobody: Client) -> None:
        headers = EVENTS | {"Authorization": "Bearer nonsense"}
        answer = nobody.http.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
        assert answer.status_code == 401

    def test_lasts_as_long_as_its_token(self, live: Live, staff: Client, user: str, tea: str) -> None:
        with following(live.url, expiring_in(4), CHANGED, id=staff.ordered(user, tea)) as events:
            shown = list(events)
        assert [name for name, _ in shown] == ["next", "next", "complete"]
        assert [error["extensions"]["code"] for error in shown[1][1]["errors"]] == ["UNAUTHENTICATED"]

    def test_ends_with_the_server_and_may_be_asked_for_again(
        self, settings: Settings, staff: Client, staff_token: str, user: str, tea: str
    ) -> None:
        order = staff.ordered(user, tea)
        with serving(settings) as served, following(served.url, staff_token, CHANGED, id=order) as events:
            next(events)
            served.server.should_exit = True
            assert list(events) == []  # not complete

    def test_that_its_reader_leaves_releases_all(
        self, settings: Settings, staff: Client, staff_token: str, user: str, tea: str
    ) -> None:
        with serving(settings, streams=1) as served:
            with following(served.url, staff_token, CHANGED, id=staff.ordered(user, tea)) as events:
                next(events)
                refused = httpx.post(f"{served.url}/graphql", json={"query": "{ __typename }"}, headers=EVENTS)
                assert refused.status_code == 503
            eventually(lambda: not served.streams._ends)


def change_orders(staff: Client, user: str, tea: str, count: int) -> list[str]:
    """Place orders and lead each through its four versions; return their ids."""
    made = []
    for _ in range(count):
        order = staff.ordered(user, tea)
        for change in (staff.paid, staff.shipped, staff.delivered):
            change(order)
        made.append(order)
    return made


@contextmanager
def silent_socket(url: str, token: str, order: str) -> Iterator[None]:
    """Subscribe to much, and read nothing of what comes."""
    with connected(url, token, max_queue=1) as slow:
        slow.connection.socket.setsockopt(tcp.SOL_SOCKET, tcp.SO_RCVBUF, 4096)
        slow.subscribe("1", MUCH, id=order)
        yield


@contextmanager
def silent_events(url: str, token: str, order: str) -> Iterator[None]:
    body = json.dumps({"query": MUCH, "variables": {"id": order}})
    head = [
        "POST /graphql HTTP/1.1",
        "Host: localhost",
        "Accept: text/event-stream",
        "Content-Type: application/json",
        f"Authorization: Bearer {token}",
        f"Content-Length: {len(body)}",
    ]
    address = httpx.URL(url)
    with tcp.create_connection((address.host, address.port)) as slow:
        slow.setsockopt(tcp.SOL_SOCKET, tcp.SO_RCVBUF, 4096)
        slow.sendall("\r\n".join([*head, "", body]).encode())
        yield


@contextmanager
def following(url: str, token: str, document: str, **variables: Any) -> Iterator[Iterator[tuple[str, Any]]]:
    """Follow a subscription as a plain HTTP client."""
    headers = EVENTS | {"Authorization": f"Bearer {token}"}
    body = {"query": document, "variables": variables}
    with httpx.stream("POST", f"{url}/graphql", json=body, headers=headers, timeout=20) as answer:
        yield parsed(answer.iter_lines())


def parsed(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Yield the name and the data of events; comments are no events."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data = line.removeprefix("data: ")
            yield name, json.loads(data) if data else None
