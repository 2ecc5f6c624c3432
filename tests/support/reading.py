"""Reading all the time: clients that ask for all orders over HTTP, and note what they were answered and when."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from time import monotonic, sleep

import httpx

from tests.support.client import Client
from tests.support.running import eventually

_EVERY_ORDER = "{ orders(first: 5) { totalCount nodes { id number status itemNames } } }"
_CLIENTS = 2
_PAUSE = 0.02  # seconds, so that others get on too


@dataclass(slots=True)
class Reader:
    """`counts` has how many orders there were at each answer, `seconds` how long that took."""

    counts: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def read(self, url: str, enough: Event) -> None:
        with httpx.Client(timeout=10) as http:
            client = Client(http=http, url=url).as_staff()
            while not enough.is_set():
                began = monotonic()
                found = client.ask(_EVERY_ORDER)["orders"]
                self.seconds.append(monotonic() - began)
                assert len(found["nodes"]) == 5, found
                self.counts.append(found["totalCount"])
                sleep(_PAUSE)


@dataclass(slots=True, kw_only=True)
class Reading:
    readers: list[Reader]
    failed: list[BaseException] = field(default_factory=list)

    @property
    def slowest(self) -> float:
        return max(each for reader in self.readers for each in reader.seconds)

    def goes_on(self) -> None:
        """Return once all have been answered twice more: what they asked after now among it."""
        wanted = [len(reader.counts) + 2 for reader in self.readers]
        pairs = list(zip(self.readers, wanted, strict=True))
        eventually(
            lambda: bool(self.failed) or all(len(reader.counts) >= each for reader, each in pairs),
            "queries are answered",
        )


@contextmanager
def reading(url: str) -> Iterator[Reading]:
    """Read while the block runs; fail for an answer that is none, or that has fewer orders than one before had."""
    found = Reading(readers=[Reader() for _ in range(_CLIENTS)])
    enough = Event()

    def work(reader: Reader) -> None:
        try:
            reader.read(url, enough)
        except BaseException as error:  # noqa: BLE001 - it is raised below, by the one who looks
            found.failed.append(error)

    threads = [Thread(target=work, args=(reader,), daemon=True) for reader in found.readers]
    for thread in threads:
        thread.start()
    try:
        yield found
        found.goes_on()
    finally:
        enough.set()
        for thread in threads:
            thread.join()
        if found.failed:
            raise found.failed[0]
    for reader in found.readers:
        assert reader.counts == sorted(reader.counts), "orders were gone for a while"
