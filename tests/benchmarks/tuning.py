"""Tuning: what the settings of worker and nudges cost and bring, each beside the same with one of them set otherwise.

So many orders a second are placed over HTTP, whether or not others are answered (an open loop), a rate that this
machine keeps up with. Compared are how long after its event a row is committed, and what the processes of the worker
compute for one order, which is the steadier figure where the machine is shared.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psutil
import uvloop

from tests.benchmarks import lag, shop
from tests.benchmarks.peers import tuned
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Line, Result, compared, milliseconds
from tests.benchmarks.stage import Stage, stage

A_SECOND = 100
_SECONDS_MORE = 2
_OURS = "as it is"
# By what they are called in the table: what is set otherwise, of the API and of the worker.
_OTHERWISE: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    _OURS: ([], []),
    "nudges that wait for no others": (["tasks.nudge:_GATHER_SECONDS=0"], []),
    "nudges gathered for 10 ms": (["tasks.nudge:_GATHER_SECONDS=0.01"], []),
    "tasks that wait for nothing to come": ([], ["tasks.project:_LINGER=0"]),
    "tasks that do not rest": ([], ["tasks.project:_REST=0"]),
    "batches of 100 events": ([], ["projections.runner:Runner.__init__.__kwdefaults__.batch=100"]),
    "threads in one process": ([], ['tasks.app:_WORKER.worker_pool="threads"']),
    "no pool": ([], ['tasks.app:_WORKER.worker_pool="solo"']),
}


@dataclass
class _Found:
    lags: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def measure(plan: Plan) -> Result:
    found = {name: _Found() for name in _OTHERWISE}
    for _ in plan.each_round("tuning"):
        for name, (api, worker) in _OTHERWISE.items():
            plan.say(f"tuning, {name}")
            with stage(postgres_settings={"track_commit_timestamp": "on"}) as at:
                shop.open_shop(at.stores.write_url)
                cpu = _cpu_an_order(at, api, worker, _SECONDS_MORE * plan.seconds)
                found[name].lags.append(milliseconds(lag.lags_of(at), 0.5))
                found[name].cpu.append(cpu)
    return Result(
        title=f"tuning: one worker, {A_SECOND} orders a second: ms until a row is there (p50), ms of CPU an order",
        rounds=len(found[_OURS].cpu),
        lines=[line for name in _OTHERWISE if name != _OURS for line in _lines(found[_OURS], found[name], name)],
    )


def _lines(ours: _Found, other: _Found, name: str) -> list[Line]:
    return [
        compared("until the row is there", ours.lags, other.lags, name),
        compared("CPU of the worker", ours.cpu, other.cpu, ""),
    ]


def _cpu_an_order(at: Stage, api: Sequence[str], worker: Sequence[str], seconds: float) -> float:
    """Return how many milliseconds the processes of the worker computed for an order."""
    tandem = [sys.executable, "-m", tuned.__name__]
    with (
        at.process(tuned.__name__, *worker, "--", "worker") as process,
        at.serving([*tandem, *api, "--", "api"], ready="/readyz") as server,
    ):
        at.wait_until_level()
        uvloop.run(lag.open_loop(server.port, 1.0, a_second=A_SECOND))
        at.wait_until_level()
        before = _computed(process.pid)
        rate = uvloop.run(lag.open_loop(server.port, seconds, a_second=A_SECOND))
        at.wait_until_level()
        return 1000 * (_computed(process.pid) - before) / (rate * seconds)


def _computed(pid: int) -> float:
    worker = psutil.Process(pid)
    times = [each.cpu_times() for each in (worker, *worker.children(recursive=True))]
    return sum(each.user + each.system for each in times)
