"""How much is measured: enough for a median, or a quick look; and never longer than the whole run may take."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`seconds` is how long one side of one round is loaded, `events` how long the log is that is projected.

    `grown` is how long a log is that has been written to for long, `requests` how many memory is watched over.

    No round begins after `until`, but for the first. `say` is told what goes on.
    """

    rounds: int
    seconds: float
    events: int
    grown: int
    requests: int
    until: float
    say: Callable[[str], None]

    def each_round(self, claim: str) -> Iterator[int]:
        for number in range(1, self.rounds + 1):
            if number == 1 or monotonic() < self.until:
                self.say(f"{claim}, round {number} of {self.rounds}")
                yield number
