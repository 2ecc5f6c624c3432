"""A verification as its operator sees it: a progress bar, then each projection in a line, then what differs."""

import random
import secrets
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text
from sqlalchemy import Engine

from api import status_table
from domain.event_log import PARTITIONS
from projections import verify as verification
from projections.findings import Findings
from projections.projection import Projection

_LONGEST_VALUE = 80  # characters


def verify(
    projections: Sequence[Projection], *, log: Engine, read: Engine, sample: int | None, seed: int | None
) -> int:
    """Verify with a progress bar and tell what was found; return the number of differences."""
    console = status_table.console()
    partitions = _sampled(console, sample, seed)
    columns = (TextColumn("Verifying partitions"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("verify", total=len(partitions))
        found = verification.verify(
            projections, log=log, read=read, partitions=partitions, tick=lambda: bar.advance(task)
        )
    for each in found:
        _tell(console, each)
    return sum(each.differences for each in found)


def _sampled(console: Console, sample: int | None, seed: int | None) -> Sequence[int]:
    if sample is None or sample == PARTITIONS:
        return range(PARTITIONS)
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    chosen = sorted(random.Random(seed).sample(range(PARTITIONS), sample))  # noqa: S311 - a sample is no secret
    console.print(f"Partitions {', '.join(map(str, chosen))}; the same again: --sample {sample} --seed {seed}")
    console.print("Counters and rows too many are left out: they need all partitions.")
    return chosen


def _tell(console: Console, found: Findings) -> None:
    console.print(Text(f"{found.projection}: {'; '.join(_gist(found))}."), soft_wrap=True)
    if not found.differences:
        return
    for (table, column), count in found.counts.most_common():
        console.print(Text(f"  {count:,} x {table}{f'.{column}' if column else ', rows'}"), soft_wrap=True)
    console.print(_examples(found))
    if found.differences > len(found.examples):
        console.print(f"  … and {found.differences - len(found.examples):,} more.")


def _gist(found: Findings) -> Iterable[str]:
    yield f"{found.rows:,} rows compared"
    yield f"differences: {found.differences:,}" if found.differences else "no difference"
    if found.behind:
        yield f"{found.behind:,} rows are behind, for their streams are in quarantine"
    if found.moved_on:
        yield f"{found.moved_on:,} rows moved on meanwhile, and were not compared with the write store"


def _examples(found: Findings) -> Table:
    made = status_table.table("  table", "row", "column", "is", "should be")
    for each in found.examples:
        made.add_row(
            f"  {each.table}", str(each.key), each.column or "", *(Text(_short(v)) for v in (each.found, each.expected))
        )
    return made


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]} …"
