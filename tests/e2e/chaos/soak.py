"""`python -m tests.e2e.chaos.soak`: many subscribers and steady commands; do memory and open files stay level?

Two API processes and two workers of two children each. Prints what each process holds, and how its memory grew after
a warm-up of a third of the time; ends with 1 where a try failed, a subscriber lost its stream, or the oracle complains.
"""

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import monotonic, sleep

import psutil
from websockets.asyncio.client import connect

from api import data_folder
from tests.e2e.chaos.drill import Drill, drill
from tests.support.running import Part, eventually
from tests.support.socket import PROTOCOL
from tests.support.traffic import staff_token

EVERY = 5.0  # seconds
WARM_UP = 1 / 3
SUBSCRIBERS_OF_A_USER = 2
FOLLOWED = """
    subscription ($id: ID!) { userOrdersChanged(userId: $id) { number status total { amount } itemNames updatedAt } }
"""
_OPENING = 20  # subscribers at a time


@dataclass(slots=True)
class Crowd:
    """Subscribers; `shown` counts results, `lost` says how streams ended that were not to."""

    opened: int = 0
    shown: int = 0
    lost: list[str] = field(default_factory=list)

    async def follow(self, url: str, user: str, opening: asyncio.Semaphore, enough: asyncio.Event) -> None:
        address, init = url.replace("http", "ws", 1) + "/graphql", {"Authorization": f"Bearer {staff_token()}"}
        async with opening:
            connection = await connect(address, subprotocols=[PROTOCOL], compression=None)
            await connection.send(json.dumps({"type": "connection_init", "payload": init}))
            await connection.recv()
            wanted = {"query": FOLLOWED, "variables": {"id": user}}
            await connection.send(json.dumps({"id": "1", "type": "subscribe", "payload": wanted}))
            self.opened += 1
        ended = asyncio.ensure_future(enough.wait())
        async with connection:
            while not ended.done():
                message = asyncio.ensure_future(connection.recv())
                await asyncio.wait({message, ended}, return_when=asyncio.FIRST_COMPLETED)
                if not message.done():
                    message.cancel()
                elif error := message.exception():
                    self.lost.append(repr(error))
                    return
                else:
                    self._take(json.loads(message.result()))

    def _take(self, message: dict[str, object]) -> None:
        if message["type"] == "next":
            self.shown += 1
        elif message["type"] != "ping":
            self.lost.append(str(message))


@contextmanager
def crowd(urls: Sequence[str], users: Sequence[str], count: int) -> Iterator[Crowd]:
    """Let so many follow the orders of these users, by turns, while the block runs."""
    found, loop, enough = Crowd(), asyncio.new_event_loop(), asyncio.Event()

    async def all_of_them() -> None:
        opening = asyncio.Semaphore(_OPENING)
        places = [(urls[number % len(urls)], users[number % len(users)]) for number in range(count)]
        await asyncio.gather(*(found.follow(url, user, opening, enough) for url, user in places))

    thread = Thread(target=loop.run_until_complete, args=(all_of_them(),))
    thread.start()
    try:
        eventually(lambda: found.opened == count, "all subscribe")
        yield found
    finally:
        loop.call_soon_threadsafe(enough.set)
        thread.join()
        loop.close()


def newcomers(at: Drill, count: int) -> list[str]:
    """Register so many users for whom the senders give commands from now on, and return their ids."""
    found = [at.tandem.client.as_staff().registered() for _ in range(count)]
    for number, user in enumerate(found):
        at.traffic.senders[number % len(at.traffic.senders)].customer.users.append(user)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Of a process with its children: `memory` in MB, without what they share; seconds of a core; open files."""

    at: float
    memory: float
    worked: float
    files: int


def sample(part: Part) -> Sample:
    root = psutil.Process(part.process.pid)
    all_of_it = [root, *root.children(recursive=True)]
    return Sample(
        at=monotonic(),
        memory=sum(each.memory_full_info().uss for each in all_of_it) / 1e6,
        worked=sum(each.cpu_times().user + each.cpu_times().system for each in all_of_it),
        files=sum(each.num_fds() for each in all_of_it),
    )


def watch(at: Drill, seconds: float) -> dict[str, list[Sample]]:
    running, until = at.tandem.running, monotonic() + seconds
    found: dict[str, list[Sample]] = {part.name: [] for part in (*running.apis, *running.workers)}
    while monotonic() < until:
        sleep(EVERY)
        for part in (*running.apis, *running.workers):
            found[part.name].append(sample(part))
    return found


def tell(name: str, samples: Sequence[Sample]) -> None:
    late = samples[int(len(samples) * WARM_UP) :]
    slope, _ = statistics.linear_regression([each.at / 3600 for each in late], [each.memory for each in late])
    files = [each.files for each in late]
    busy = (late[-1].worked - late[0].worked) / (late[-1].at - late[0].at)
    say(
        f"{name:10} {samples[0].memory:7.1f} MB at first, {late[0].memory:7.1f} when warm, "
        f"{late[-1].memory:7.1f} at the end: {slope:+8.1f} MB an hour; {min(files)} to {max(files)} open files; "
        f"{busy:.0%} of a core"
    )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.chaos.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--subscribers", type=int, default=200)
    parser.add_argument("--a-second", type=float, default=40, help="commands")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="tandem-soak-") as folder:
        Path(folder).chmod(data_folder.mode())
        with drill(Path(folder) / "data", a_second=options.a_second, senders=8) as at:
            at.come_in(300)
            urls = [api.url for api in at.tandem.running.apis]
            users = newcomers(at, max(1, options.subscribers // SUBSCRIBERS_OF_A_USER))
            before = at.traffic.counts()
            with crowd(urls, users, options.subscribers) as subscribers:
                samples = watch(at, options.minutes * 60)
            answered, verdict = at.traffic.answered_since(before), at.verdict()
    for name, each in samples.items():
        tell(name, each)
    failures = sum(each.tries > 1 for each in answered)
    seconds = sorted(each.seconds for each in answered)
    say(
        f"{len(answered)} commands answered ({len(answered) / options.minutes / 60:.1f} a second), {failures} sent "
        f"again; half within {seconds[len(seconds) // 2] * 1000:.0f} ms, all within {seconds[-1] * 1000:.0f}"
    )
    say(f"{options.subscribers} subscribers were shown {subscribers.shown} results; lost: {subscribers.lost or 'none'}")
    say(f"{verdict.events} events, {verdict.lost} lost, {verdict.doubled} doubled {verdict.complaints or ''}")
    return 0 if verdict.flawless and not failures and not subscribers.lost else 1


if __name__ == "__main__":
    sys.exit(main())
