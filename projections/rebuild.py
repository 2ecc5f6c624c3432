"""Builds a read table again beside the one that is shown, and puts it in its place.

All that is known of a rebuild stands in the read store: the table with the suffix `__next`, its checkpoints, its state.
So whoever dies meanwhile, it goes on from there; and what was shown before is kept as `__old`, to go back to.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from domain import event_log
from domain.event_log import PARTITIONS
from projections import checkpoints, shadow, states
from projections.checkpoints import Checkpoint
from projections.progress import Progress
from projections.projection import NEXT, OLD, Projection
from projections.runner import Publish, Runner

BATCH = 10_000
_NEARLY = 1000  # events; so few are applied while the shown table's projection is held
_PATIENCE = 60.0  # seconds
_TRY_TO_BE_ALONE = text("select pg_try_advisory_lock(hashtext('tandem rebuilds by ' || :who))")
_NO_LONGER_ALONE = text("select pg_advisory_unlock(hashtext('tandem rebuilds by ' || :who))")
_AT_ONCE = 2  # while one partition's rows are written, the next one's are folded


class RebuildError(RuntimeError):
    """A step that cannot be taken now; it says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """How many events a table has, and how many the log has.

    `held` is how many streams were set aside in it, `halted` holds the reasons why it cannot go on.
    """

    events: int
    head: int
    held: int
    halted: tuple[str, ...]

    @property
    def left(self) -> int:
        return max(0, self.head - self.events)

    @property
    def trouble(self) -> str:
        return f"{'; '.join(self.halted)}. Mend the cause, start the workers anew, and run this again."


def begin(projection: Projection, *, read: Engine, anew: bool = False) -> bool:
    """Make the new table, or go on with the one that is there; return whether it goes on.

    One that another version of the projection began, or that lacks a column, is thrown away first.
    """
    after = projection.beside(NEXT)
    with read.begin() as connection:
        shadow.lock(connection, projection)
        state = states.everything(connection).get(after.name)
        if not anew and state and state.version == projection.version and shadow.fits(connection, after):
            return True
        shadow.drop(connection, after)
        shadow.create(connection, projection, after)
        return False


def under_way(projections: Sequence[Projection], *, read: Engine) -> list[Projection]:
    """Return the projections that are being built again, as they write their new tables.

    Those that another version of the projection began are left to whoever is of that version.
    """
    with read.connect() as connection:
        known = states.everything(connection)
    afters = [projection.beside(NEXT) for projection in projections]
    return [after for after in afters if after.name in known and known[after.name].version == after.version]


def filled(beside: Projection, *, log: Engine, read: Engine) -> Filled:
    reached = _checkpoints(beside, read)
    return Filled(
        events=sum(at.position for at in reached),
        head=sum(_heads(log).values()),
        held=sum(at.held for at in reached),
        halted=tuple(sorted({at.halted for at in reached if at.halted is not None})),
    )


def fill(beside: Projection, *, log: Engine, read: Engine, seconds: float) -> bool:
    """Apply the log to a table beside the shown one; return False if it was not level when time was over.

    Any number of processes may do so at once: each takes the partitions that no other one has.
    """
    until = monotonic() + seconds
    runner, stuck = _runner(beside, log, read), set[int]()

    def drain(partition: int) -> None:
        left = until - monotonic()
        if left > 0 and not runner.drain(partition, seconds=left) and monotonic() < until:
            stuck.add(partition)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        while behind := [partition for partition in _behind(beside, log, read) if partition not in stuck]:
            if monotonic() > until:
                return False
            list(threads.map(drain, behind))
            sleep(0.01)  # others have what is left
    return not stuck


@contextmanager
def alone(read: Engine, who: str) -> Iterator[bool]:
    """Say whether nobody of that name builds tables already; nobody else does until the end of this.

    By a lock of the read store, which is let go also when its holder is killed.
    """
    with read.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        is_free = bool(connection.execute(_TRY_TO_BE_ALONE, {"who": who}).scalar_one())
        try:
            yield is_free
        finally:
            if is_free:
                connection.execute(_NO_LONGER_ALONE, {"who": who})


def finish(projection: Projection, *, read: Engine) -> None:
    """Do to a filled table what is left to do before it can be shown."""
    with read.begin() as connection:
        shadow.lock(connection, projection)
        connection.execute(text("set local statement_timeout = 0"))
        shadow.finish(connection, projection, projection.beside(NEXT))


def switch(projection: Projection, *, log: Engine, read: Engine, publish: Publish) -> None:
    """Show the new table in the place of the present one, which is kept. Done at once, or not at all."""
    _swap(projection, (NEXT, OLD), log=log, read=read, publish=publish)


def rollback(projection: Projection, *, log: Engine, read: Engine, publish: Publish) -> None:
    """Show again what was shown before the last switch, brought up to date; the other becomes the new table again."""
    _swap(projection, (OLD, NEXT), log=log, read=read, publish=publish)


def discard(projection: Projection, *, read: Engine) -> list[str]:
    """Drop what is not shown, the new table and the one kept; return their names."""
    with read.begin() as connection:
        shadow.lock(connection, projection)
        beside = [projection.beside(suffix) for suffix in (NEXT, OLD)]
        return [each.name for each in beside if shadow.drop(connection, each)]


@contextmanager
def level(
    projection: Projection, beside: Projection, *, log: Engine, read: Engine, exactly: bool = False
) -> Iterator[Connection]:
    """Hold the shown table's projection while another table has all of its events (`exactly`: and no more).

    Yields the connection of the transaction that holds it. Queries go on, and commands; projecting waits.
    """
    until = monotonic() + _PATIENCE
    while True:
        _come_near(beside, log=log, read=read, until=until)
        with read.begin() as connection:
            shadow.lock(connection, projection)
            shown, heads = checkpoints.hold(connection, projection.name), _heads(log)
            wanted = {each: min(at, heads[each]) for each, at in shown.items()}  # beyond its log: of another one
            _runner(beside, log, read, upto=wanted if exactly else None).drain(*wanted, seconds=_PATIENCE)
            there = checkpoints.hold(connection, beside.name)
            if there == wanted or (not exactly and all(there[each] >= at for each, at in wanted.items())):
                yield connection
                return
        if monotonic() > until:
            found = filled(beside, log=log, read=read)
            why = found.trouble if found.halted else "See tandem projections status."
            raise RebuildError(f"{beside.name} does not become level with {projection.name}: {why}")
        sleep(0.1)


def _swap(projection: Projection, suffixes: tuple[str, str], *, log: Engine, read: Engine, publish: Publish) -> None:
    """Show the table with the first suffix; what is shown now takes the second one."""
    coming, going = (projection.beside(suffix) for suffix in suffixes)
    _check(projection, coming, going, read)
    until = monotonic() + _PATIENCE
    while True:
        try:
            with level(projection, coming, log=log, read=read) as connection:
                shadow.drop(connection, going)
                # Queries wait behind this, so it waits for them but shortly, and tries again.
                connection.execute(text("set local lock_timeout = 100"))
                connection.execute(text(f"lock table {projection.name}, {coming.name} in access exclusive mode"))
                shadow.rename(connection, projection, going)
                shadow.rename(connection, coming, projection)
                reached = checkpoints.hold(connection, projection.name)
        except OperationalError:
            if monotonic() > until:
                raise
            sleep(random.uniform(0.05, 0.2))  # noqa: S311 - jitter, not a secret
        else:
            publish([Progress(projection=projection.name, partition=each, position=at) for each, at in reached.items()])
            return


def _check(projection: Projection, coming: Projection, going: Projection, read: Engine) -> None:
    with read.connect() as connection:
        if not shadow.exists(connection, coming):
            raise RebuildError(_nothing_to_show(projection, coming, is_done=shadow.exists(connection, going)))
        if not shadow.fits(connection, coming):
            raise RebuildError(
                f"{coming.name} lacks a column that a migration has added since. "
                f"Build it again: tandem projections rebuild {projection.name}"
            )
        if going.suffix == NEXT and shadow.exists(connection, going):
            raise RebuildError(
                f"{projection.name} is being built again; going back would throw that away. "
                f"First: tandem projections discard {projection.name}"
            )


def _nothing_to_show(projection: Projection, coming: Projection, *, is_done: bool) -> str:
    """Say why there is nothing to be shown; `is_done`: the very same step may have been taken before."""
    name = projection.name
    if coming.suffix == OLD:
        done = f" To show the other one after all: tandem projections switch {name}" if is_done else ""
        return f"There is no table to go back to: {name} was not switched, or has gone back already.{done}"
    done = f"{name} was switched to it already, and tandem projections rollback {name} goes back. " if is_done else ""
    return f"There is no new table. {done}To build one: tandem projections rebuild {name}"


def _come_near(beside: Projection, *, log: Engine, read: Engine, until: float) -> None:
    while filled(beside, log=log, read=read).left > _NEARLY and monotonic() < until:
        fill(beside, log=log, read=read, seconds=1.0)


def _runner(beside: Projection, log: Engine, read: Engine, upto: Mapping[int, int] | None = None) -> Runner:
    return Runner(log=log, read=read, projections=[beside], publish=lambda _: None, batch=BATCH, upto=upto)


def _behind(beside: Projection, log: Engine, read: Engine) -> list[int]:
    """Return the partitions in which a table is not where the log is, in any order, so that two take others."""
    heads, reached = _heads(log), {at.partition: at.position for at in _checkpoints(beside, read)}
    behind = [partition for partition in range(PARTITIONS) if heads[partition] != reached.get(partition, 0)]
    random.shuffle(behind)
    return behind


def _heads(log: Engine) -> dict[int, int]:
    with log.connect() as connection:
        return event_log.heads(connection)


def _checkpoints(beside: Projection, read: Engine) -> list[Checkpoint]:
    with read.connect() as connection:
        return [at for at in checkpoints.everything(connection) if at.projection == beside.name]
