"""A thousand subscribers of one process and some of another see every change, and a silent one holds up nobody."""

import asyncio
import json
import resource
import socket as tcp
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from api.settings import Settings
from tests.conftest import Live
from tests.support import hurried_api
from tests.support.client import Client
from tests.support.serving import another_api
from tests.support.socket import PROTOCOL

HERE, THERE = 1000, 100
FEW_FILES = 256  # what some systems begin with
FILES = 4096
PATIENCE = 60.0  # seconds
OPENING = 50  # at a time
ESTABLISHED = "01"  # as /proc/net/tcp has it
MANY_ITEMS = 30

FOLLOWED = "subscription ($id: ID!) { userOrdersChanged(userId: $id) { userEmail } }"
MUCH = f"""
    subscription ($id: ID!) {{
      userOrdersChanged(userId: $id) {{ {" ".join(f"a{n}: items {{ name }}" for n in range(150))} }}
    }}
"""


@pytest.fixture(autouse=True)
def files() -> Iterator[None]:
    """Let this process hold its ends of all connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@dataclass(slots=True)
class Follower:
    connection: ClientConnection
    seen: list[str] = field(default_factory=list)
    """The e-mail addresses in what it was shown."""

    async def follow(self, user: str, document: str = FOLLOWED) -> None:
        payload = {"query": document, "variables": {"id": user}}
        await self.connection.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))

    async def sees(self, email: str) -> None:
        """Take in messages until one shows that."""
        while email not in self.seen:
            message = json.loads(await self.connection.recv())
            if message["type"] != "ping":
                assert message["type"] == "next", message
                self.seen.append(message["payload"]["data"]["userOrdersChanged"]["userEmail"])


@asynccontextmanager
async def followers(url: str, token: str, count: int) -> AsyncIterator[list[Follower]]:
    address, opening = url.replace("http", "ws", 1) + "/graphql", asyncio.Semaphore(OPENING)
    init = json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})

    async def opened(stack: AsyncExitStack) -> Follower:
        async with opening:
            connecting = connect(
                address, subprotocols=[PROTOCOL], compression=None, ping_interval=None, close_timeout=1, max_queue=1
            )
            connection = await stack.enter_async_context(connecting)
            await connection.send(init)
            assert json.loads(await connection.recv()) == {"type": "connection_ack"}
            return Follower(connection)

    async with AsyncExitStack() as stack:
        yield await asyncio.gather(*(opened(stack) for _ in range(count)))


async def all_see(followers: list[Follower], email: str) -> None:
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(follower.sees(email) for follower in followers))


class Silent:
    """One who subscribes to much, and reads nothing of it."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._socket = follower.connection.transport.get_extra_info("socket")
        self._socket.setsockopt(tcp.SOL_SOCKET, tcp.SO_RCVBUF, 4096)
        self._ports = self._socket.getpeername()[1], self._socket.getsockname()[1]

    async def follow(self, user: str) -> None:
        await self._follower.follow(user, MUCH)

    def is_cut(self) -> bool:
        """Return whether the server has closed its end, of which this end hears nothing until it reads."""
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        states = {(_port(local), _port(remote)): state for _, local, remote, state, *_ in lines}
        return states.get(self._ports) != ESTABLISHED


def _port(address: str) -> int:
    return int(address.partition(":")[2], 16)


async def test_a_thousand_see_every_change_and_a_silent_one_among_them_is_cut(
    settings: Settings, live: Live, staff_token: str
) -> None:
    with (
        httpx.Client(base_url=live.url, timeout=20) as http,
        another_api(settings, module=hurried_api.__name__, files=FEW_FILES) as here,
    ):
        staff = Client(http=http).as_staff()
        emails = [f"{uuid4().hex}@example.com"]
        user = staff.registered(email=emails[0])
        staff.ordered(user, *[staff.added(name=f"{number:0200}") for number in range(MANY_ITEMS)])

        async def change() -> None:
            """Change the order of all of them, and return when they have seen it."""
            emails.append(f"{uuid4().hex}@example.com")
            given = {"userId": user, "email": emails[-1]}
            await asyncio.to_thread(staff.give, "changeUserEmail", given)
            await all_see(readers, emails[-1])

        async with followers(here, staff_token, HERE) as mine, followers(live.url, staff_token, THERE) as others:
            first, *rest = mine
            silent, readers = Silent(first), [*rest, *others]
            await silent.follow(user)
            await asyncio.gather(*(follower.follow(user) for follower in readers))
            await all_see(readers, emails[0])
            while not silent.is_cut():
                assert len(emails) < 60
                await change()
            await change()
            assert [follower.seen for follower in readers] == [emails] * (HERE - 1 + THERE)
