"""`tandem projections ...`: how the read tables are doing, and what an operator can do about it."""

# ruff: noqa: PLC0415 - what each command needs is imported in it, so that `tandem --help` answers at once

import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from api.configured import DATA, Data, refuse, settings

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from projections.projection import Projection

app = typer.Typer(
    name="projections",
    help="The read tables: how they are doing, and what to do about it.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

EVERY_SECONDS = 1.0
DIFFERENT = 1
Name = Annotated[str | None, typer.Argument(help="One projection; all, if none is named.")]
OneName = Annotated[str, typer.Argument(help="Which projection.")]


@app.command()
def status(
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Once a second, until Ctrl-C.")] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON, for programs; with --watch a line each time.")] = False,
    data: Data = DATA,
) -> None:
    """Show how far each projection is, what is halted, and what is set aside."""
    with _stores(data) as (log, read), contextlib.suppress(KeyboardInterrupt):
        if watch:
            _watch(log, read, json=json)
        else:
            _show(log, read, json=json)


@app.command()
def retry(name: Name = None, *, data: Data = DATA) -> None:
    """Play again, in its order, what was set aside; do so once its cause is mended.

    Exits with 1 while something is set aside still.
    """
    chosen = _chosen(name)
    with _stores(data) as (log, read):
        from projections.retry import Retried
        from projections.retry import retry as play

        done = Retried()
        for projection in chosen:
            mine = play(projection, log=log, read=read)
            print(f"{projection.name}: {_told(mine)}")
            done += mine
    if done.still:
        refuse("What is set aside still: tandem projections status", code=1)


@app.command()
def verify(
    name: Name = None,
    *,
    sample: Annotated[
        int | None, typer.Option(help="Compare this many of the 64 partitions, chosen at random.", min=1, max=64)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Choose the same partitions again.")] = None,
    data: Data = DATA,
) -> None:
    """Fold the log again, and compare it with every row of the read tables and with the write store.

    Exits with 0 where nothing differs, else with 1. Events may come in meanwhile.
    """
    chosen = _chosen(name)
    if seed is not None and sample is None:
        refuse("--seed chooses a sample: give --sample too.")
    with _stores(data) as (log, read):
        from api.verification import verify as run

        try:
            differences = run(chosen, log=log, read=read, sample=sample, seed=seed)
        except KeyboardInterrupt:
            refuse("Interrupted. Nothing was changed.", code=130)
    if differences:
        raise typer.Exit(DIFFERENT)


@app.command()
def rebuild(
    name: OneName,
    *,
    anew: Annotated[bool, typer.Option("--anew", help="Begin again, also where a rebuild was begun before.")] = False,
    here: Annotated[bool, typer.Option("--here", help="Let this process do it too, beside the workers.")] = False,
    switch: Annotated[bool, typer.Option("--switch", help="Show the new table as soon as it is there.")] = False,
    data: Data = DATA,
) -> None:
    """Build a read table again from the log, beside the one that is shown, and say in what they differ.

    The workers do it, and go on with it whoever is interrupted; run this again to see how far they are.
    """
    [projection] = _chosen(name)
    with _stores(data) as (log, read):
        from api import rebuilding

        try:
            rebuilding.build(projection, log=log, read=read, anew=anew, here=here)
        except KeyboardInterrupt:
            refuse(f"The workers go on with it. How far they are: tandem projections rebuild {name}", code=130)
        if not switch:
            print(f"To show it: tandem projections switch {name}. To drop it: tandem projections discard {name}.")
            return
        rebuilding.switch(projection, log=log, read=read, redis_url=settings(data).queue.redis_url)
    print(_switched(name))


@app.command()
def switch(name: OneName, *, data: Data = DATA) -> None:
    """Show the table that was built, in the place of the present one, which is kept to go back to."""
    [projection] = _chosen(name)
    with _stores(data) as (log, read):
        from api import rebuilding

        rebuilding.switch(projection, log=log, read=read, redis_url=settings(data).queue.redis_url)
    print(_switched(name))


@app.command()
def rollback(name: OneName, *, data: Data = DATA) -> None:
    """Show again what was shown before the last switch, up to date."""
    [projection] = _chosen(name)
    with _stores(data) as (log, read):
        from api import rebuilding

        rebuilding.rollback(projection, log=log, read=read, redis_url=settings(data).queue.redis_url)
    print(f"{name} is the table of before. To show the other one after all: tandem projections switch {name}")


@app.command()
def discard(name: OneName, *, data: Data = DATA) -> None:
    """Drop what is not shown: a table that was being built, and the one kept from before a switch."""
    [projection] = _chosen(name)
    with _stores(data) as (_, read):
        from projections.rebuild import discard as drop

        dropped = drop(projection, read=read)
    print(f"Dropped: {', '.join(dropped)}." if dropped else f"There is nothing beside {name}.")


def _switched(name: str) -> str:
    return (
        f"{name} is the new table now. To go back: tandem projections rollback {name}. "
        f"Once you are content: tandem projections discard {name}."
    )


def _watch(log: "Engine", read: "Engine", *, json: bool) -> None:
    from rich.live import Live

    from api import status_table

    console = status_table.console()
    if json or not console.is_terminal:
        _again_and_again(lambda: _show(log, read, json=json))
        return
    with Live(console=console, auto_refresh=False, screen=True) as live:
        _again_and_again(lambda: live.update(status_table.page(status_table.status(log, read)), refresh=True))


def _again_and_again(show: Callable[[], None]) -> None:
    """Show until Ctrl-C, which ends what is shown first; a second one interrupts.

    It is noted, not raised: some places in drivers and libraries swallow what is raised in them.
    """
    over = Event()

    def end(*_: object) -> None:
        over.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, end)
    try:
        show()
        while not over.wait(EVERY_SECONDS):
            show()
    finally:
        signal.signal(signal.SIGINT, before)


def _show(log: "Engine", read: "Engine", *, json: bool) -> None:
    import orjson

    from api import status_table

    found = status_table.status(log, read)
    if json:
        print(orjson.dumps(status_table.plain(found)).decode(), flush=True)
    else:
        status_table.console().print(status_table.page(found))


def _told(retried: object) -> str:
    from projections.retry import Retried

    match retried:
        case Retried(streams=0, still=0):
            return "nothing is set aside."
        case Retried(streams=streams, events=events, still=still):
            again = f"{events} events of {streams} streams were applied"
            return f"{again}; streams set aside still: {still}." if still else f"{again}."
    raise TypeError(retried)


def _chosen(name: str | None) -> "Sequence[Projection]":
    from projections.catalogue import projections

    chosen = [each for each in projections() if name in {None, each.name}]
    if not chosen:
        refuse(f"There is no projection {name}; there are {', '.join(each.name for each in projections())}.")
    return chosen


@contextlib.contextmanager
def _stores(data: "Path") -> "Iterator[tuple[Engine, Engine]]":
    configured = settings(data)
    from api.stores import StoreError, opened
    from domain.stretches import GapError
    from domain.upcasters import UnknownShapeError
    from projections.checkpoints import MixedUpError
    from projections.rebuild import RebuildError
    from projections.retry import BusyError

    try:
        with opened(configured) as engines:
            yield engines
    except MixedUpError as error:
        refuse(f"The stores do not belong together: {error}", code=1)
    except (GapError, UnknownShapeError) as error:
        refuse(f"The log cannot be read: {error}.", code=1)
    except (StoreError, BusyError, RebuildError) as error:
        refuse(error, code=1)
