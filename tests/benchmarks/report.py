"""The result: lines of one table, with figures that were measured side by side in one run."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_HEADINGS = ("", "ours", "peer", "the peer", "ours / peer", "aim", "CPU: ours", "peer", "peer / ours")
_LEFT = (0, 3)  # columns of words; the others are figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure: a median over rounds; `ratio` is the median of each round's own ratio.

    `cpu` is what one answer costs the serving process, in microseconds: ours and the peer's. It is the steadier
    figure where the machine is shared; what the database does is not in it.
    """

    what: str
    ours: float
    peer: float | None = None
    peer_name: str = ""
    ratio: float | None = None
    aim: str = ""
    cpu: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one claim came to."""

    title: str
    rounds: int
    lines: Sequence[Line]


def compared(
    what: str,
    ours: Sequence[float],
    peer: Sequence[float],
    peer_name: str,
    *,
    aim: str = "",
    cpu: tuple[float, float] | None = None,
) -> Line:
    """Return the line of two measurements that alternated, one of each a round."""
    ratios = [mine / theirs for mine, theirs in zip(ours, peer, strict=True) if theirs]
    return Line(
        what=what,
        ours=median(ours),
        peer=median(peer),
        peer_name=peer_name,
        ratio=median(ratios) if ratios else None,
        aim=aim,
        cpu=cpu,
    )


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value that `part` of all are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def milliseconds(seconds: Sequence[float], part: float) -> float:
    return 1000 * quantile(seconds, part)


def table(results: Sequence[Result]) -> str:
    """Return all results as text, columns aligned."""
    blocks: list[list[tuple[str, ...]]] = [[_HEADINGS], *(_block(result) for result in results)]
    rows = [row for block in blocks for row in block if any(row[1:])]  # titles do not widen the first column
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    return "\n\n".join("\n".join(_aligned(row, widths) for row in block) for block in blocks)


def _block(result: Result) -> list[tuple[str, ...]]:
    return [
        (f"{result.title}; median of {result.rounds}", *[""] * (len(_HEADINGS) - 1)),
        *(_cells(line) for line in result.lines),
    ]


def _cells(line: Line) -> tuple[str, ...]:
    ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
    ours, theirs = line.cpu or (None, None)
    cpu = (figure(ours), figure(theirs), f"{theirs / ours:.2f}" if ours and theirs else "")
    return f"  {line.what}", figure(line.ours), figure(line.peer), line.peer_name, ratio, line.aim, *cpu


def figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.ljust(width) if column in _LEFT else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
