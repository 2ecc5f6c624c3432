"""Who is asked to stop does so soon, and a new version takes over from the old one without a failed request."""

import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from websockets.sync.client import connect

import projections
from tests.e2e.chaos.drill import Drill
from tests.e2e.chaos.rolling import rolled, stopped
from tests.support.client import Client
from tests.support.running import Part, answers, eventually
from tests.support.socket import PROTOCOL, Socket

CODE = Path(projections.__file__).parents[1]
SENT = "app.send_task(PROJECT, retry=False)"
SENT_NEXT = 'app.send_task(PROJECT, kwargs={"of_version": 2, "partitions": [1, 2]}, retry=False)'
EXPANDED = "alter table user_orders_view add column gift_note text, add column gifts int not null default 0"
CONTRACTED = "alter table user_orders_view drop column gift_note, drop column gifts"
ESTABLISHED = "01"  # as /proc/net/tcp has it
MANY_ORDERS, MANY_ITEMS = 10, 30
MUCH = f"""
    subscription ($id: ID!) {{
      userOrdersChanged(userId: $id) {{ userEmail {" ".join(f"a{n}: items {{ name }}" for n in range(14))} }}
    }}
"""
FULL = 2_000_000  # bytes that wait for the reader on the server's side, more than a system keeps for a writer
ENOUGH = 6  # changes of all orders, of almost a megabyte each, to fill all that lies between two ends


class TestARollingRestart:
    def test_into_the_next_version_and_back_fails_no_request_but_those_that_find_nobody(
        self, under_load: Drill, next_version: Path
    ) -> None:
        """Old and new side by side, on tables that have been expanded, with messages of both."""
        running, traffic = under_load.tandem.running, under_load.traffic
        before, old = traffic.counts(), dict(running.environment)
        with expanded(running.where.read_url):
            under_load.come_in(10)
            for part in (*running.apis, *running.workers):
                running.environment |= {"PYTHONPATH": str(next_version), "PYTHONSAFEPATH": "1"}
                stopped(part)
                part.restart()
                if part.url:
                    eventually(lambda url=part.url: answers(f"{url}/readyz"), f"{part.name} answers")
                under_load.come_in(10)
            under_load.tandem.lags_for()
            running.environment.clear()
            running.environment.update(old)
            rolled(under_load.ground)
        under_load.come_in(10)
        answered = traffic.answered_since(before)
        assert {failure for each in answered for failure in each.failures} <= {"ConnectError"}
        verdict = under_load.verdict()
        assert (verdict.lost, verdict.doubled, verdict.complaints) == (0, 0, [])


class TestAnApi:
    """Asked to stop."""

    @pytest.mark.parametrize("how", ["WebSocket", "event stream"])
    def test_does_so_though_somebody_subscribes_and_does_not_read(self, under_load: Drill, how: str) -> None:
        api, staff = under_load.tandem.running.apis[0], under_load.tandem.client
        user = staff.registered()
        items = [staff.added(name=f"{number:0200}") for number in range(MANY_ITEMS)]
        for _ in range(MANY_ORDERS):
            staff.ordered(user, *items)
        opened = {"WebSocket": silent_socket, "event stream": silent_stream}[how]
        with opened(api, staff, user) as reader:
            for _ in range(ENOUGH):
                given = {"userId": user, "email": f"{uuid4().hex}@example.com"}
                assert staff.give("changeUserEmail", given)["__typename"] == "UserAccepted"
                under_load.tandem.lags_for()
            assert unread_by(reader) > FULL, "it was cut before: this shows nothing"
            stopped(api)
        api.restart()
        eventually(lambda: answers(f"{api.url}/readyz"), f"{api.name} answers")


@pytest.fixture
def next_version(tmp_path: Path) -> Path:
    """Return a copy of the code that gives its tasks arguments that this code does not know."""
    code = tmp_path / "code"
    for package in ("api", "domain", "projections", "tasks"):
        shutil.copytree(CODE / package, code / package, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    sender = code / "tasks/project.py"
    text = sender.read_text()
    assert text.count(SENT) == 1
    sender.write_text(text.replace(SENT, SENT_NEXT))
    return code


@contextmanager
def expanded(url: str) -> Iterator[None]:
    """Give a read table columns that no code that runs knows of, under load, and take them away again."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(EXPANDED.encode())
        try:
            yield
        finally:
            connection.execute(CONTRACTED.encode())


@contextmanager
def silent_socket(api: Part, staff: Client, user: str) -> Iterator[socket.socket]:
    with (
        closing(small(api)) as own,
        connect(
            f"ws://{address(api)[0]}/graphql", sock=own, subprotocols=[PROTOCOL], compression=None, max_queue=1
        ) as connection,
    ):
        there = Socket(connection)
        there.init(staff.token)
        there.subscribe("1", MUCH, id=user)
        there.next()
        yield own
        own.shutdown(socket.SHUT_RDWR)  # or its thread waits for a farewell


@contextmanager
def silent_stream(api: Part, staff: Client, user: str) -> Iterator[socket.socket]:
    body = json.dumps({"query": MUCH, "variables": {"id": user}}).encode()
    headers = [
        "POST /graphql HTTP/1.1",
        f"Host: {address(api)[0]}",
        f"Authorization: Bearer {staff.token}",
        "Accept: text/event-stream",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    with closing(small(api)) as own:
        own.sendall("\r\n".join([*headers, "", ""]).encode() + body)
        assert own.recv(12) == b"HTTP/1.1 200"
        yield own


def small(api: Part) -> socket.socket:
    """Return a connection that takes little in until it is read."""
    _, host, port = address(api)
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    found.settimeout(20)
    found.connect((host, port))
    return found


def address(api: Part) -> tuple[str, str, int]:
    parts = urlsplit(api.url)
    return parts.netloc, str(parts.hostname), int(parts.port or 0)


def unread_by(reader: socket.socket) -> int:
    """Return how many bytes the other end has sent in vain so far, if it has not gone."""
    here, there = reader.getsockname()[1], reader.getpeername()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, queues, *_ = line.split()
        if (port(local), port(remote), state) == (there, here, ESTABLISHED):
            return int(queues.partition(":")[0], 16)
    return 0


def port(of: str) -> int:
    return int(of.partition(":")[2], 16)
