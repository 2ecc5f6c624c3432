"""`python -m tests.e2e.chaos`: the faults in numbers, each under load, and what was lost or doubled after each.

First Tandem, with two API processes and three workers of two children each: under kills; then under what is no kill,
from rolling restarts to wrong clocks; then struck at fault points, as seeds decide; then with PostgreSQL on a disk that
is full now and then; then on six hosts that are cut off by turns. Then the usual way, a Celery task an event, under the
same kills. Prints a table for each; ends with 1 where Tandem lost, doubled or mixed up anything.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from api import data_folder
from tests.e2e.chaos import clocks, disks, faults, held, rolling, seeds, without_redis
from tests.e2e.chaos.drill import Drill, Outcome, drill
from tests.e2e.chaos.fault_points import POINTS, Deed, deeds
from tests.e2e.chaos.faults import Fault
from tests.e2e.chaos.plain import PlainOutcome, plain_drill
from tests.e2e.chaos.renames import NEW, rename_while_ordering
from tests.e2e.chaos.site import site
from tests.e2e.chaos.storm import storm
from tests.support import hosts

A_SECOND = 30  # commands
WORKERS = 3
ROUNDS = 1000
STORM = 3000  # commands
SEEDS = 40
PARTS = ("kills", "others", "points", "disk", "hosts", "plain", "late")
Plan = Sequence[tuple[Fault, int]]
_HEADINGS = (
    "fault",
    "times",
    "killed",
    "acknowledged",
    "lost",
    "doubled",
    "level after, s",
    "slowest, s",
    "tries failed",
)
_SEED_HEADINGS = ("seed", "ended", "acknowledged", "events", "lost", "doubled", "level after, s", "tries failed")
_PLAIN_HEADINGS = ("fault", "times", "killed", "events", "lost", "doubled")


def main() -> int:
    options = _options()
    flawless = True
    if "kills" in options.only:
        flawless = _tandem(_plan(options.kills), rounds=options.rounds)
    if "others" in options.only:
        flawless = _others(options.kills) and flawless
    if "points" in options.only:
        flawless = _points(options.seed or range(1, options.seeds + 1)) and flawless
    if "disk" in options.only:
        flawless = _full_disk(options.kills // 10) and flawless
    if "hosts" in options.only:
        flawless = _hosts(options.kills // 20) and flawless
    for name in ("plain", "late"):
        if name in options.only:
            _plain(_kills(options.kills // 2), late=name == "late")
    return 0 if flawless else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, metavar="N", help="of workers (default: 200)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help="renames (default: 1000)")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help=f"of points (default: {SEEDS})")
    parser.add_argument("--seed", type=int, nargs="+", metavar="SEED", help="these seeds of points alone")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    return parser.parse_args()


def _kills(kills: int) -> Plan:
    """Return what both ways are put through."""
    mains, groups = kills // 5, kills // 10
    return [
        (faults.CHILD_KILLED, kills - mains - groups),
        (faults.WORKER_KILLED, mains),
        (faults.WORKER_GROUP_KILLED, groups),
        (faults.API_KILLED, max(1, kills // 20)),
        (faults.VALKEY_KILLED, max(1, kills // 20)),
        (faults.POSTGRES_KILLED, max(1, kills // 40)),
    ]


def _plan(kills: int) -> Plan:
    return [
        *_kills(kills),
        (faults.BACKEND_KILLED, max(1, kills // 20)),
        (faults.NUDGES_LOST, kills // 2),
        (faults.NUDGES_DOUBLED, kills // 2),
        (faults.GARBAGE_SENT, kills // 10),
    ]


def _tandem(plan: Plan, *, rounds: int) -> bool:
    with _folder() as folder, drill(folder, a_second=A_SECOND, workers=WORKERS) as at:
        _say("\nTandem")
        _row(*_HEADINGS)
        outcomes = [_struck(at, fault, times) for fault, times in plan]
        renamed = rename_while_ordering(at.tandem, rounds)
        kinds = at.traffic.kinds()
    old, last = sum(renamed.shown.values()) - renamed.shown[NEW], outcomes[-1].verdict
    _say(f"{rounds} renames while orders came in under {dict(renamed.placed)}: {old} rows kept an old name")
    _say(
        f"in all: {sum(each.kills for each in outcomes)} killed, {last.acknowledged} commands of {len(kinds)} kinds "
        f"acknowledged, {last.events} events, {last.lost} lost, {last.doubled} doubled"
    )
    return old == 0 and all(each.verdict.flawless for each in outcomes)


def _others(kills: int) -> bool:
    a_few = max(1, kills // 40)
    plan = [
        (rolling.ROLLED, max(1, kills // 20)),
        (held.API_FROZEN, a_few),
        (held.HEAD_FORGOTTEN, 1),
        *((fault, a_few) for fault in without_redis.faults(10)),
        *((fault, 1) for fault in without_redis.faults(60)[:3]),
    ]
    for fault, possible, what in (
        (clocks.STEPPED, clocks.can_be_wrong(), "libfaketime (Debian: faketime)"),
        (disks.UNWRITABLE, disks.can_fail(), "root and strace"),
    ):
        if possible:
            plan.append((fault, a_few))
        else:
            _say(f"left out, for want of {what}: {fault.name}")
    with _folder() as folder, drill(folder, a_second=A_SECOND, workers=WORKERS) as at:
        _say("\nTandem, where nothing is killed")
        _row(*_HEADINGS)
        outcomes = [_struck(at, fault, times) for fault, times in plan]
        stormed = storm(at.tandem, STORM)
        _say(f"{STORM} commands for a few orders and products: {dict(stormed.answers)}, {stormed.deadlocks} deadlocks")
        return all(each.verdict.flawless for each in outcomes)


def _points(chosen: Sequence[int]) -> bool:
    with _folder() as folder, seeds.course(folder, workers=WORKERS) as at:
        _say("\nTandem, struck at fault points")
        _row(*_SEED_HEADINGS)
        outcomes = [_put_through(at, seed) for seed in chosen]
    reached = {point: [each.reached[point] for each in outcomes] for point in POINTS}
    _row("point", "reached", *Deed)
    for point, times in reached.items():
        done = sum((deeds(point, seed, each) for seed, each in zip(chosen, times, strict=True)), Counter[Deed]())
        _row(point.name, sum(times), *(done[deed] for deed in Deed))
    return all(each.verdict.flawless for each in outcomes) and all(map(sum, reached.values()))


def _put_through(at: seeds.Course, seed: int) -> seeds.Outcome:
    _say(f"seed {seed}")  # now, since whoever fails here tells no more of it
    found = at.put_through(seed)
    verdict, ended = found.verdict, sum(found.ended.values())
    figures = (ended, found.acknowledged, verdict.events, verdict.lost, verdict.doubled, f"{found.level_after:.1f}")
    _row(f"  while {found.rebuilt} is built again", *figures, dict(found.failures) or "none")
    for complaint in verdict.complaints:
        _say(f"  {complaint}")
    if not verdict.flawless:
        _say(f'  again: make chaos ARGS="--only points --seed {seed}"')
    return found


def _full_disk(times: int) -> bool:
    if not disks.can_be_full():
        _say("left out, for want of root: a disk that is full")
        return True
    with disks.small_disk() as data, drill(data, a_second=A_SECOND, workers=WORKERS) as at:
        _say("\nTandem, with PostgreSQL on a disk of 420 MB")
        _row(*_HEADINGS)
        return _struck(at, disks.FILLED, times).verdict.flawless


def _hosts(times: int) -> bool:
    if not hosts.can_be():
        _say("left out, for want of root and ip: hosts of their own network")
        return True
    with _folder() as folder, site(folder, a_second=A_SECOND) as at:
        _say("\nTandem, on two API hosts, three worker hosts and one of stores")
        _row(*_HEADINGS)
        outcomes = [_struck(at.drill, fault, times) for fault in at.faults(8)]
        return all(each.verdict.flawless for each in outcomes)


def _struck(at: Drill, fault: Fault, times: int) -> Outcome:
    found = at.strike(fault, times)
    verdict = found.verdict
    figures = (times, found.kills, found.acknowledged, verdict.lost, verdict.doubled)
    _row(found.fault, *figures, f"{found.level_after:.1f}", f"{found.slowest:.2f}", dict(found.failures) or "none")
    for complaint in verdict.complaints:
        _say(f"  {complaint}")
    return found


def _plain(plan: Plan, *, late: bool) -> None:
    how = "task_acks_late and task_reject_on_worker_lost" if late else "Celery's defaults"
    with _folder() as folder, plain_drill(folder, late=late, workers=WORKERS) as at:
        _say(f"\nA Celery task an event, {how}")
        _row(*_PLAIN_HEADINGS)
        outcomes: list[PlainOutcome] = []
        for fault, times in plan:
            found = at.strike(fault, times)
            _row(found.fault, times, found.kills, found.events, found.lost, found.doubled)
            outcomes.append(found)
    _row("in all", "", *(sum(getattr(each, name) for each in outcomes) for name in ("kills", *_PLAIN_HEADINGS[3:])))


def _row(first: object, *cells: object) -> None:
    _say(f"{first!s:48}" + "".join(f"{cell!s:>16}" for cell in cells))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tandem-chaos-") as folder:
        Path(folder).chmod(data_folder.mode())
        yield Path(folder) / "data"


if __name__ == "__main__":
    sys.exit(main())
