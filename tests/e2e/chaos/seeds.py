"""A Tandem with fault points, put through one seed after the other: under load, while a read table is built again.

What ends is started again, as a supervisor would, and an operator's command that fails is given again.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, sleep

import psycopg
from sqlalchemy import Engine

from projections import rebuild
from projections.catalogue import projections
from projections.database import projection_engine
from projections.projection import NEXT
from tests.e2e.chaos import pointed
from tests.e2e.chaos.fault_points import Ledger, Point
from tests.e2e.chaos.faults import CHILDREN
from tests.support import tables
from tests.support.operator import Operator
from tests.support.oracle import Verdict, verdict
from tests.support.running import Part, Running, Tandem, answers, eventually, tandem
from tests.support.traffic import Traffic, traffic

A_SECOND = 25  # commands
COMMANDS = 200  # that are answered under each seed, at least
_DIED = "Exception in thread"  # as Python says it
_SENDERS = 4
_PATIENCE = 240.0  # seconds under one seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one seed came to; `ended`: how many processes of each kind the harness had to start again."""

    seed: int
    rebuilt: str
    acknowledged: int
    failures: Counter[str]
    """What became of tries that were not answered."""
    ended: Counter[str]
    level_after: float
    """Seconds from when nothing was struck any more until all that was in the log then was shown, under load."""
    reached: Mapping[Point, int]
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    tandem: Tandem
    ledger: Ledger
    operator: Operator
    read: Engine

    def put_through(self, seed: int) -> Outcome:
        """Let a seed strike under load; then let the load pause, and ask the oracle."""
        running, died = self.tandem.running, _threads_that_died(self.tandem.running)
        projection = projections()[seed % len(projections())]
        urls = [api.url for api in running.apis]
        with traffic(urls, senders=_SENDERS, a_second=A_SECOND, seed=seed) as coming_in:
            ended = self._struck(seed, projection.name, coming_in)
            eventually(lambda: not _started_again(running) and _is_whole(running), f"seed {seed}: all work again")
            level_after = self.tandem.lags_for()
            rebuild.discard(projection, read=self.read)
            with coming_in.quiet():
                self.tandem.lags_for()
                eventually(lambda: not tables.halted(running.where.read_url), f"seed {seed}: nothing is halted")
                answered, found = coming_in.answered(), verdict(self.tandem, coming_in)
        silent = [f"a thread of {name} has died" for name in (_threads_that_died(running) - died).elements()]
        return Outcome(
            seed=seed,
            rebuilt=projection.name,
            acknowledged=found.acknowledged,
            failures=Counter(failure for each in answered for failure in each.failures),
            ended=ended,
            level_after=level_after,
            reached=self.ledger.counts(seed),
            verdict=replace(found, complaints=[*found.complaints, *silent]),
        )

    def _struck(self, seed: int, name: str, coming_in: Traffic) -> Counter[str]:
        """Let a seed strike until a table was built again and commands enough were answered; return what has ended."""
        ended, until = Counter[str](), monotonic() + _PATIENCE
        self.ledger.open(seed)
        is_shown = self._built_again(name, ended)
        while not next(is_shown, True) or coming_in.count() < COMMANDS:
            assert monotonic() < until, f"seed {seed}: {coming_in.count()} answered, {ended} ended in {_PATIENCE} s"
            ended.update(_started_again(self.tandem.running))
            sleep(0.05)
        self.ledger.close()
        return ended

    def _built_again(self, name: str, ended: Counter[str]) -> Iterator[bool]:
        """Build a table again and show it, each step again until it is taken; yield False meanwhile."""
        for step in ("rebuild", "switch"):
            is_taken = False
            while not is_taken:
                process = self.operator.begin("projections", step, name)
                while process.poll() is None:
                    yield False
                said, error = process.communicate()
                if process.returncode:
                    ended[f"tandem projections {step}"] += 1
                    is_taken = step == "switch" and not self._is_there(name + NEXT)
                else:
                    is_taken = True
                    assert step == "switch" or "rows are as they are shown." in said, said + error

    def _is_there(self, table: str) -> bool:
        with psycopg.connect(self.tandem.running.where.read_url) as connection:
            return connection.execute("select to_regclass(%s)", [table]).fetchone() != (None,)


@contextmanager
def course(folder: Path, *, workers: int) -> Iterator[Course]:
    """Run two API processes and these workers of two children each, all with fault points."""
    ledger = Ledger(folder / "points")
    entry = (pointed.__name__, str(ledger.folder))
    with ExitStack() as stack:
        found = stack.enter_context(tandem(folder / "data", apis=2, workers=workers, entry=entry))
        read = projection_engine(found.running.where.read_url)
        stack.callback(read.dispose)
        operator = Operator(environment=found.running.environment, entry=entry)
        stack.callback(operator.end)
        yield Course(tandem=found, ledger=ledger, operator=operator, read=read)


def _started_again(running: Running) -> list[str]:
    """Start again what has ended; return of which kinds that was."""
    ended = [part for part in (*running.apis, *running.workers) if part.process.poll() is not None]
    for part in ended:
        part.restart()
    return [_kind(part) for part in ended]


def _threads_that_died(running: Running) -> Counter[str]:
    """Count, by part, the threads that an error has ended while their process went on without them."""
    parts = (*running.apis, *running.workers)
    return Counter({part.name: running.log(part).read_text(errors="replace").count(_DIED) for part in parts})


def _kind(part: Part) -> str:
    return part.name.partition("-")[0]


def _is_whole(running: Running) -> bool:
    return all(answers(f"{api.url}/readyz") for api in running.apis) and all(
        len(worker.children()) >= CHILDREN for worker in running.workers
    )
