"""What requests count as they go, for /metrics, and tell the log of commands.

Every label is out of a catalogue of ours, so series stay few.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Histogram

from api.errors import ApiError
from domain.bus import Accepted, UnavailableError
from domain.commands import Command
from tasks import traces

log = logging.getLogger(__name__)

# Seconds: a command takes two or three milliseconds, and five seconds at most.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Ending:
    """What became of a command; a failure until somebody says otherwise."""

    __slots__ = ("code", "outcome", "place")

    def __init__(self) -> None:
        self.outcome, self.code = "failed", "INTERNAL_SERVER_ERROR"
        self.place: Mapping[str, object] = {}
        """Which stream it concerned, and where in the log its event is."""

    def accepted(self, accepted: Accepted) -> None:
        self.outcome = "dry_run" if accepted.dry_run else "replayed" if accepted.replayed else "accepted"
        self.code = ""
        self.place = {"stream": accepted.stream_id, "partition": accepted.partition, "position": accepted.position}

    def refused(self, code: str) -> None:
        self.outcome, self.code = "refused", code


class Counts:
    """Of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._commands = Counter(
            "tandem_commands",
            "Commands by what became of them; the code says why one was refused or failed.",
            ["command", "outcome", "code"],
            registry=registry,
        )
        self._seconds = Histogram(
            "tandem_command_seconds",
            "From a command's input to its receipt or refusal.",
            ["command"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self.plain_reads = 0
        """Queries that Strawberry carried out."""

    def outcomes(self) -> dict[str, float]:
        """Return how many commands there were of each outcome."""
        sums: defaultdict[str, float] = defaultdict(float)
        for sample in next(iter(self._commands.collect())).samples:
            sums[sample.labels["outcome"]] += sample.value
        return dict(sums)

    def durations(self) -> list[tuple[float | None, float]]:
        """Return how many commands took so many seconds at most, from few to many; None: any time."""
        sums: defaultdict[float, float] = defaultdict(float)
        for sample in next(iter(self._seconds.collect())).samples:
            if sample.name.endswith("_bucket"):
                sums[float(sample.labels["le"])] += sample.value
        return [(None if most == float("inf") else most, count) for most, count in sorted(sums.items())]

    @contextmanager
    def command(self, kind: type[Command]) -> Iterator[Ending]:
        """Count a command, and how long it takes; whoever carries it out says how it ended."""
        began, ending = perf_counter(), Ending()
        with traces.span(kind.__name__):
            try:
                yield ending
            except ApiError as error:
                ending.refused(str((error.extensions or {})["code"]))
                raise
            except UnavailableError:
                ending.code = "UNAVAILABLE"
                raise
            finally:
                seconds = perf_counter() - began
                self._seconds.labels(kind.__name__).observe(seconds)
                self._commands.labels(kind.__name__, ending.outcome, ending.code).inc()
                _tell(kind.__name__, ending, seconds)


def _tell(command: str, ending: Ending, seconds: float) -> None:
    """One line a command; with its event's metadata, the id in it leads from the request to the row."""
    code = {"code": ending.code} if ending.code else {}
    said = {"command": command, "outcome": ending.outcome, **code, **ending.place}
    traces.say(said, failed=ending.outcome == "failed")
    log.info("command", extra={**said, "milliseconds": round(seconds * 1000, 2)})
