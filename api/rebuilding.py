"""A rebuild as its operator sees it: how far the new table is, in what it differs, and how to show it."""

from collections.abc import Sequence
from time import monotonic, sleep

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text
from sqlalchemy import Engine

from api import status_table
from projections import progress, rebuild
from projections.comparison import Comparison, compare
from projections.projection import NEXT, Projection
from projections.rebuild import Filled, RebuildError

_LEVEL_ENOUGH = 500  # events; the rest is applied while the tables are compared
_LOOK_SECONDS = 0.25
_IDLE_SECONDS = 5.0
_LONGEST_VALUE = 60  # characters


def build(projection: Projection, *, log: Engine, read: Engine, anew: bool, here: bool) -> Comparison:
    """Have the new table filled, by the workers or `here`, with a progress bar; compare it and tell what differs."""
    console = status_table.console()
    goes_on = rebuild.begin(projection, read=read, anew=anew)
    console.print(f"{'Going on with' if goes_on else 'Building'} {projection.beside(NEXT).name} …")
    _fill(console, projection.beside(NEXT), log=log, read=read, here=here)
    rebuild.finish(projection, read=read)
    compared = compare(projection, log=log, read=read)
    _tell(console, projection, compared, rebuild.filled(projection.beside(NEXT), log=log, read=read))
    return compared


def switch(projection: Projection, *, log: Engine, read: Engine, redis_url: str) -> None:
    with progress.connect(redis_url) as client:
        rebuild.switch(projection, log=log, read=read, publish=lambda reached: progress.publish(client, reached))


def rollback(projection: Projection, *, log: Engine, read: Engine, redis_url: str) -> None:
    with progress.connect(redis_url) as client:
        rebuild.rollback(projection, log=log, read=read, publish=lambda reached: progress.publish(client, reached))


def _fill(console: Console, beside: Projection, *, log: Engine, read: Engine, here: bool) -> None:
    """Wait until a table is nearly level."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    began = at = well = monotonic()
    first = last = rebuild.filled(beside, log=log, read=read)
    with bar:
        task = bar.add_task("Applying events", total=first.head, completed=first.events, rate="")
        while (now := rebuild.filled(beside, log=log, read=read)).left > _LEVEL_ENOUGH:
            well = well if now.halted else monotonic()
            if monotonic() - well > _IDLE_SECONDS:  # whoever tries again finds out whether it still is
                raise RebuildError(f"{beside.name} cannot go on: {now.trouble}")
            if now.events != last.events:
                last, at = now, monotonic()
            elif monotonic() - at > _IDLE_SECONDS:
                console.print(
                    f"No worker of version {beside.version} of the view is at it. Start one (tandem worker), those of "
                    "before anew, or fill the table --here.",
                    soft_wrap=True,
                )
                at = monotonic() + 60
            rate = (now.events - first.events) / max(0.001, monotonic() - began)
            bar.update(task, total=now.head, completed=now.events, rate=f"{rate:,.0f} events/s")
            if here:
                rebuild.fill(beside, log=log, read=read, seconds=_LOOK_SECONDS)
            else:
                sleep(_LOOK_SECONDS)
        bar.update(task, total=now.head, completed=now.events)


def _tell(console: Console, projection: Projection, compared: Comparison, filled: Filled) -> None:
    name = projection.beside(NEXT).name
    console.print(f"{name} has {filled.events:,} events; {_gist(compared)}.", soft_wrap=True)
    if filled.halted:
        console.print(f"It lacks {filled.left:,} events, and cannot go on: {filled.trouble}", soft_wrap=True)
    if filled.held:
        console.print(
            f"Set aside in it, because an event could not be applied: {filled.held:,} streams. "
            "Mend the cause, and build it --anew.",
            soft_wrap=True,
        )
    for column, count in compared.columns.items():
        console.print(f"  {count:,} x {column}")
    if compared.examples:
        made = status_table.table("  row", "column", "is", "will be")
        for each in compared.examples:
            made.add_row(f"  {each.key}", each.column, Text(_short(each.shown)), Text(_short(each.new)))
        console.print(made)


def _gist(compared: Comparison) -> str:
    if compared.equal:
        return f"all {compared.both:,} rows are as they are shown"
    return ", ".join(_parts(compared))


def _parts(compared: Comparison) -> Sequence[str]:
    found = [f"of {compared.both:,} rows in both, columns differ: {len(compared.columns)}"]
    if compared.only_new:
        found.append(f"{compared.only_new:,} rows are new")
    if compared.only_shown:
        found.append(f"{compared.only_shown:,} rows would be gone")
    return found


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]} …"
