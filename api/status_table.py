"""How projections are doing, as a person reads it in a terminal or in a file, and as a program reads it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text
from sqlalchemy import Engine

from projections import lag, quarantine
from projections.lag import ProjectionState, Standing
from projections.quarantine import Quarantined

_PIPED_WIDTH = 220  # columns; a file has no edge, and nothing is to be broken there
_LONGEST_ERROR = 100  # characters
_STYLES = {
    ProjectionState.LIVE: "green",
    ProjectionState.CATCHING_UP: "yellow",
    ProjectionState.REBUILDING: "cyan",
    ProjectionState.HALTED: "bold red",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    standings: Sequence[Standing]
    quarantined: Sequence[Quarantined]


def status(log: Engine, read: Engine) -> Status:
    standings = lag.standings(log=log, read=read)
    with read.connect() as connection:
        return Status(standings=standings, quarantined=quarantine.everything(connection))


def console() -> Console:
    """Return the console; what is piped is plain and as wide as it needs."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_PIPED_WIDTH)


def table(*columns: str, numbers: Sequence[str] = ()) -> Table:
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return made


def page(found: Status) -> RenderableType:
    """Return the table, and below it what is the matter and what to do."""
    return Group(_standings(found.standings), *_halted(found.standings), *_quarantine(found.quarantined))


def _standings(standings: Sequence[Standing]) -> Table:
    numbers = ("head", "applied", "lag", "oldest", "quarantined", "rebuild")
    made = table("projection", "version", "state", *numbers, numbers=numbers)
    for each in standings:
        made.add_row(
            each.name,
            _version(each),
            Text(each.state, style=_STYLES[each.state]),
            f"{each.head:,}",
            f"{each.applied:,}",
            f"{each.lag:,}",
            f"{each.lag_seconds:,.1f} s",
            str(each.quarantined),
            "-" if each.rebuild_progress is None else f"{each.rebuild_progress:.1%}",
        )
    return made


def _version(standing: Standing) -> str:
    if standing.newest <= standing.version:
        return str(standing.version)
    return f"{standing.version} (the code's is {standing.newest}: tandem projections rebuild {standing.name})"


def _halted(standings: Sequence[Standing]) -> Iterator[Text]:
    for each in standings:
        for reason in each.halted:
            yield Text.assemble("\n", (f"{each.name} is halted: ", "bold red"), reason)


def _quarantine(quarantined: Sequence[Quarantined]) -> Iterator[RenderableType]:
    if not quarantined:
        return
    yield Text("\nSet aside, because an event could not be applied:\n", style="bold")
    made = table("projection", "stream", "event", "place", "since", "error")
    for each in quarantined:
        place = f"{each.partition}:{each.position}"
        since = f"{each.since:%Y-%m-%d %H:%M:%S}"
        made.add_row(each.projection, str(each.stream_id), each.event, place, since, Text(_shortened(each.error)))
    yield made
    names = sorted({each.projection for each in quarantined})
    commands = "\n".join(f"  tandem projections retry {name}" for name in names)
    yield Text(f"\nMend what kept them from being applied, then play them again:\n{commands}")


def _shortened(error: str) -> str:
    line = " ".join(error.split())
    return line if len(line) <= _LONGEST_ERROR else f"{line[:_LONGEST_ERROR]} …"


def plain(found: Status) -> dict[str, Any]:
    """Return the same for programs, under the names of the GraphQL type."""
    return {
        "projections": [
            {
                "name": each.name,
                "version": each.version,
                "newest": each.newest,
                "state": each.state,
                "head": each.head,
                "applied": each.applied,
                "lag": each.lag,
                "lagSeconds": round(each.lag_seconds, 3),
                "quarantined": each.quarantined,
                "rebuildProgress": each.rebuild_progress,
                "halted": each.halted,
            }
            for each in found.standings
        ],
        "quarantine": [
            {
                "projection": each.projection,
                "streamId": each.stream_id,
                "partition": each.partition,
                "position": each.position,
                "event": each.event,
                "error": each.error,
                "since": each.since,
            }
            for each in found.quarantined
        ],
    }
