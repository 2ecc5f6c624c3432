"""Fault points: places on the way from a command to its row, at which a seed decides what befalls whoever comes by.

Of so many times that a point is reached, by whichever process, one is struck; which one, and how, hangs on the seed and
the point alone. So a seed strikes at the same times again, though others may come by then.
"""

import os
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import sleep

_LONGEST_SLEEP = 0.3  # seconds


class Deed(StrEnum):
    """`LOSES` raises as where a connection is lost, `FAILS` what nobody expects; `ENDS` leaves nobody time to tidy."""

    SLEEPS = "slept"
    LOSES = "connection lost"
    FAILS = "failed"
    ENDS = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """`every`: of so many times that it is reached one is struck; `unlike`: deeds that make no sense here."""

    name: str
    every: int
    unlike: frozenset[Deed] = frozenset()

    def deed(self, seed: int, number: int) -> Deed | None:
        """Return what is done when this is reached for the `number`-th time, counted from 1."""
        block, place = divmod(number - 1, self.every)
        chance = random.Random(f"{seed} {self.name} {block}")
        struck, deed = chance.randrange(self.every), chance.choice([each for each in Deed if each not in self.unlike])
        return deed if place == struck else None


# What a command raises that nobody expects is a defect, and answered as one; senders stop there.
_COMMANDS = frozenset({Deed.FAILS})

COMMITTED = Point(name="a command is committed, before its nudge", every=100, unlike=_COMMANDS)
NUDGED = Point(name="a command's nudge is given, before its answer", every=100, unlike=_COMMANDS)
NOTING = Point(name="before a nudge is noted", every=100)
ENQUEUING = Point(name="a nudge is noted, before its task is sent", every=8)
TAKEN = Point(name="a task took its partitions", every=30)
HELD = Point(name="a runner took its checkpoints", every=60)
READ = Point(name="the log was read", every=60)
WRITING = Point(name="some of the rows are written", every=12)
MOVING = Point(name="before checkpoints move", every=60)
MOVED = Point(name="rows and checkpoints are written, not committed", every=60)
PUBLISHING = Point(name="they are committed, before anybody is told", every=40)
RENAMING = Point(name="before a switch renames a table", every=3)
RENAMED = Point(name="a switch has renamed a table", every=3)
SWITCHED = Point(name="a switch is committed, before anybody is told", every=1)

POINTS = (
    COMMITTED,
    NUDGED,
    NOTING,
    ENQUEUING,
    TAKEN,
    HELD,
    READ,
    WRITING,
    MOVING,
    MOVED,
    PUBLISHING,
    RENAMING,
    RENAMED,
    SWITCHED,
)


@dataclass(frozen=True, slots=True)
class Ledger:
    """A folder in which all processes find the seed, and count how often points are reached: a byte each time.

    A byte that is written stays, whatever becomes of who wrote it. Without a seed nothing is counted, and nothing done.
    """

    folder: Path

    def open(self, seed: int) -> None:
        self._of(seed).mkdir(parents=True)
        written = self.folder / "next"
        written.write_text(str(seed))
        written.rename(self._seed)  # so that nobody finds half of it

    def close(self) -> None:
        self._seed.unlink()

    def reached(self, point: Point) -> None:
        """Count, and do what the seed says."""
        try:
            seed = int(self._seed.read_text())
        except FileNotFoundError:
            return
        number = self._count(seed, point)
        match point.deed(seed, number):
            case Deed.SLEEPS:
                sleep(random.Random(f"{seed} {number}").uniform(0, _LONGEST_SLEEP))
            case Deed.LOSES:
                raise ConnectionError(point.name)
            case Deed.FAILS:
                raise RuntimeError(point.name)
            case Deed.ENDS:
                os._exit(1)

    def counts(self, seed: int) -> Mapping[Point, int]:
        """Return how often each point was reached."""
        files = {point: self._file(seed, point) for point in POINTS}
        return {point: file.stat().st_size if file.exists() else 0 for point, file in files.items()}

    def _count(self, seed: int, point: Point) -> int:
        """Return how often this point has been reached by now; nobody else is told the same."""
        file = os.open(self._file(seed, point), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(file, b".")
            return os.lseek(file, 0, os.SEEK_CUR)
        finally:
            os.close(file)

    @property
    def _seed(self) -> Path:
        return self.folder / "seed"

    def _of(self, seed: int) -> Path:
        return self.folder / f"of-seed-{seed}"

    def _file(self, seed: int, point: Point) -> Path:
        return self._of(seed) / point.name.replace(" ", "-")


def deeds(point: Point, seed: int, times: int) -> Counter[Deed]:
    """Return what was done at a point that was reached so many times."""
    return Counter(deed for number in range(1, times + 1) if (deed := point.deed(seed, number)))
