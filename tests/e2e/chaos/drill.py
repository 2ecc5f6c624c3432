"""A drill: one fault after another under load, and what the oracle says after each."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tasks.app import create_producer
from tasks.project import enqueue
from tasks.settings import QueueSettings
from tests.e2e.chaos.faults import Fault, Ground
from tests.support.oracle import Verdict, verdict
from tests.support.running import Tandem, eventually, tandem
from tests.support.traffic import Traffic, traffic

QUEUE = "tandem:project"
_BETWEEN = 3  # commands that are answered before the next strike, at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one fault came to, struck so many `times`; `level_after`: seconds from the last strike, under load."""

    fault: str
    times: int
    kills: int
    acknowledged: int
    failures: Counter[str]
    """What became of tries that were not answered."""
    level_after: float
    slowest: float
    verdict: Verdict


@dataclass(slots=True, kw_only=True)
class Drill:
    """Two of everything, under load."""

    tandem: Tandem
    traffic: Traffic
    ground: Ground

    def strike(self, fault: Fault, times: int) -> Outcome:
        """Strike under load; then let the load pause, and ask the oracle."""
        before, kills = self.traffic.counts(), 0
        for _ in range(times):
            kills += fault.strike(self.ground)
            self.come_in(_BETWEEN)
        level_after = self.tandem.lags_for()
        self.come_in(_BETWEEN)
        with self.traffic.quiet():
            self.tandem.lags_for()
            mine = self.traffic.answered_since(before)
            return Outcome(
                fault=fault.name,
                times=times,
                kills=kills,
                acknowledged=sum(each.accepted for each in mine),
                failures=Counter(failure for each in mine for failure in each.failures),
                level_after=level_after,
                slowest=max(each.seconds for each in mine),
                verdict=verdict(self.tandem, self.traffic),
            )

    def verdict(self) -> Verdict:
        """Let the load pause, and ask the oracle."""
        with self.traffic.quiet():
            self.tandem.lags_for()
            return verdict(self.tandem, self.traffic)

    def come_in(self, more: int) -> None:
        """Return once as many more commands have been answered."""
        wanted = self.traffic.count() + more
        eventually(lambda: self.traffic.count() >= wanted, f"{more} more commands are answered")


@contextmanager
def drill(folder: Path, *, a_second: float, workers: int = 2, senders: int = 4, seed: int = 1) -> Iterator[Drill]:
    """Run two API processes, and at least two workers of two children each, with a sweep each, under load."""
    with tandem(folder, apis=2, workers=workers) as found:
        urls = [api.url for api in found.running.apis]
        producer = create_producer(QueueSettings(redis_url=found.running.where.redis_url))
        ground = Ground(running=found.running, queue=QUEUE, nudge=lambda: enqueue(producer), chance=random.Random(seed))
        with traffic(urls, senders=senders, a_second=a_second, seed=seed) as coming_in:
            yield Drill(tandem=found, traffic=coming_in, ground=ground)
