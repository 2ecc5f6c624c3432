"""`python -m tests.benchmarks`: what this project claims about its speed, measured against peers on this machine.

Ours and the peer alternate in one run on stores of their own; a figure is the median of the rounds, and the ratios
mean more than the figures, which depend on the machine and on who else uses it. Prints one table, and draws the reads
in reads.svg, which the README shows.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from types import FrameType

from tests.benchmarks import (
    age,
    commands,
    hostile,
    lag,
    live,
    mixed,
    pages,
    picture,
    projection,
    reads,
    rebuild,
    report,
    switch,
    tuning,
    visible,
)
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Result

CLAIMS: Mapping[str, Callable[[Plan], Result]] = {
    "commands": commands.measure,
    "visible": visible.measure,
    "lag": lag.measure,
    "live": live.measure,
    "projection": projection.measure,
    "rebuild": rebuild.measure,
    "reads": reads.measure,
    "mixed": mixed.measure,
    "age": age.measure,
    "pages": pages.measure,
    "switch": switch.measure,
    "hostile": hostile.measure,
    "tuning": tuning.measure,
}
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_INTERRUPTED = 130
_PICTURE = Path(__file__).parent / "reads.svg"
_SECONDS_A_CLAIM = 70.0  # what one claim does not use, the next ones may
_SECONDS_OF_LONG_ONES = {"reads": 180.0, "mixed": 150.0, "tuning": 240.0}


def main() -> int:
    options = _options()
    for each in _SIGNALS:
        signal.signal(each, _interrupt)
    plan = Plan(
        rounds=options.rounds or (1 if options.quick else 3),
        seconds=1.0 if options.quick else 4.0,
        events=5_000 if options.quick else 50_000,
        grown=100_000 if options.quick else 2_000_000,
        requests=5_000 if options.quick else 50_000,
        until=0.0,
        say=_say,
    )
    try:
        results = _measured(options.only or list(CLAIMS), plan)
    except KeyboardInterrupt:
        _say("")
        return _INTERRUPTED
    _say("")
    sys.stdout.write(report.table([*results.values()]) + "\n")
    if "reads" in results and not options.quick:
        _PICTURE.write_text(picture.svg(results["reads"]), "utf-8")
    return 0


def _measured(names: Sequence[str], plan: Plan) -> dict[str, Result]:
    results = {}
    until = monotonic()
    for name in names:
        until += _SECONDS_OF_LONG_ONES.get(name, _SECONDS_A_CLAIM)
        results[name] = CLAIMS[name](replace(plan, until=until))
    return results


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, choices=range(1, 21), metavar="N", help="rounds a claim (default: 3)")
    parser.add_argument("--only", action="append", choices=CLAIMS, help="measure this claim; may be given again")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it runs, not how fast")
    return parser.parse_args()


def _say(what: str) -> None:
    """Show what goes on to whoever watches, on one line."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{what}")
        sys.stderr.flush()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """End by unwinding, which stops all that was started; nobody's impatience shall interrupt that."""
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
