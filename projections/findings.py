"""What a verification finds: how much was compared, and what differs, in numbers and by some examples."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

EXAMPLES = 20  # differences of each projection that are told whole
A_ROW, NO_ROW = "a row", "no row"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What is, and what should be by the log, in a column of a row; no column: the row itself.

    `table` is the one that has it wrong, of the read store or of the write store.
    """

    table: str
    key: Any
    column: str | None = None
    found: Any
    expected: Any


@dataclass(slots=True, kw_only=True)
class Findings:
    """What was found of one projection.

    `behind` counts rows that miss events of streams in quarantine; they were compared with what they should be without.
    `moved_on` counts rows that changed meanwhile, and so were not compared with the write store.
    """

    projection: str
    rows: int = 0
    behind: int = 0
    moved_on: int = 0
    counts: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    """Differences, by table and column."""
    examples: list[Difference] = field(default_factory=list)

    @property
    def differences(self) -> int:
        return self.counts.total()

    def note(self, difference: Difference) -> None:
        self.counts[difference.table, difference.column] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(difference)
