"""Readers that follow a log while it is written, as projections do, and what may be said against what they saw."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import NamedTuple
from uuid import UUID


class Seen(NamedTuple):
    partition: int
    position: int
    stream_id: UUID
    version: int


Read = Callable[[int, int], Sequence[Seen]]
"""Gives the next events of a partition behind a position."""


@dataclass(slots=True)
class Reader:
    """Reads each partition on from where it was; what it has passed it never sees again."""

    read: Read
    partitions: Sequence[int]
    seen: list[Seen] = field(default_factory=list)
    _cursors: Counter[int] = field(default_factory=Counter)

    def poll(self) -> bool:
        """Take in what is there; return whether there was anything."""
        before = len(self.seen)
        for partition in self.partitions:
            for event in self.read(partition, self._cursors[partition]):
                self.seen.append(event)
                self._cursors[partition] = event.position
        return len(self.seen) > before

    def follow(self, written: Event) -> None:
        """Poll until all is written and nothing more comes."""
        finished = False
        while self.poll() or not finished:
            finished = written.wait(0.002)


@contextmanager
def following(readers: Sequence[Reader]) -> Iterator[None]:
    """Let readers follow a log while the block writes to it, and to its end after that."""
    written = Event()
    with ThreadPoolExecutor(len(readers)) as threads:
        running = [threads.submit(reader.follow, written) for reader in readers]
        try:
            yield
        finally:
            written.set()
        for each in running:
            each.result()


def complaints(seen: Sequence[Seen], committed: Iterable[Seen]) -> list[str]:
    """Return what is wrong with what a reader saw of a log that holds `committed` and nothing else."""
    truth = set(committed)
    found = [f"{event} was committed, and missed" for event in sorted(truth - set(seen))]
    found += [f"{event} was seen, and never committed" for event in sorted(set(seen) - truth)]
    found += [f"{event} was seen {times} times" for event, times in Counter(seen).items() if times > 1]
    positions: Counter[int] = Counter()
    versions: Counter[UUID] = Counter()
    for event in seen:
        if event.position != positions[event.partition] + 1:
            found.append(f"{event} came after position {positions[event.partition]}")
        if event.version != versions[event.stream_id] + 1:
            found.append(f"{event} came after version {versions[event.stream_id]} of its stream")
        positions[event.partition], versions[event.stream_id] = event.position, event.version
    return found
