"""Runs projections: batch by batch from the log into the read tables, rows and checkpoint in one transaction.

Any number of runners may work at once, in any number of processes: a checkpoint's row lock decides who has a
partition, and a checkpoint moves only from where it was read. So every event is applied once, and in order.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from time import monotonic, time_ns
from uuid import UUID

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from domain import event_log, stretches
from domain.driver import Writes
from domain.stretches import Stretch
from projections import batch, checkpoints, quarantine, rows, states
from projections.batch import Outcome
from projections.checkpoints import CheckpointMovedError, Move, Taken
from projections.progress import Progress
from projections.projection import NEXT, Projection
from projections.quarantine import SetAside

logger = logging.getLogger(__name__)

BATCH = 1000
Publish = Callable[[Sequence[Progress]], None]
Count = Callable[[Sequence[Move]], None]
Trace = Callable[[Connection, Sequence[Move], int], None]
"""Is told the log, what a transaction moved, and when that began, in nanoseconds after 1970."""
Place = tuple[str, int]
"""The name of a projection, and a partition."""

# The store's trouble or another runner's work, not the projection's: it is raised, and the next nudge tries again.
_TROUBLE = (OperationalError, InterfaceError, PoolTimeoutError, psycopg.OperationalError, CheckpointMovedError, OSError)


_HOPELESS = 20  # streams set aside one after the other, and nothing applied in between


class CannotRunError(RuntimeError):
    """The projection itself is at fault: it can apply nothing."""


class Runner:
    """Runs these projections. `upto`: positions by partition, beyond which it never goes."""

    def __init__(
        self,
        *,
        log: Engine,
        read: Engine,
        projections: Sequence[Projection],
        publish: Publish,
        count: Count = lambda _: None,
        trace: Trace = lambda *_: None,
        batch: int = BATCH,
        upto: Mapping[int, int] | None = None,
    ) -> None:
        self._upto = upto
        self._log = log
        self._read = read
        # Those with counters last: rows that all partitions add to, such as today's, stay locked until the commit.
        self._projections = sorted(projections, key=lambda projection: bool(projection.counters))
        self._publish = publish
        self._count = count
        self._trace = trace
        self._batch = batch

    def drain(self, *partitions: int, seconds: float) -> bool:
        """Apply what partitions have, to all projections; return False if they were not level when time was over.

        Where another runner holds a checkpoint, that projection is left to it. The heads are read again after the
        checkpoints were let go: an event whose nudge came while they were held, and so found them taken, is seen here.
        A projection that cannot go on in a partition is halted there, with the reason, and stops no other.
        """
        until = monotonic() + seconds
        behind, stuck = list(partitions), set[Place]()
        with self._log.connect() as log:
            while behind := self._behind(log, self._round(log, behind, stuck)):
                if monotonic() > until:
                    break
        return not behind and not stuck

    def _round(self, log: Connection, partitions: Sequence[int], stuck: set[Place]) -> list[Progress]:
        """Apply one batch to each projection; return where they are now, of those that were free and could go on.

        All at once, which costs one commit; those that are halted each alone, so that they cost the others nothing.
        If that fails, each projection alone, and then each partition of it alone.
        """
        wanted = [
            (projection, [partition for partition in partitions if (projection.name, partition) not in stuck])
            for projection in self._projections
        ]
        halted: list[Progress] = []
        try:
            reached = self._advance(log, dict(wanted), halted=halted)
        except Exception as error:  # noqa: BLE001 - whatever a fold or the store raises
            _raise_trouble(error)
            return self._each_alone(log, wanted, stuck)
        for projection, _ in wanted:
            for at in halted:
                if at.projection == projection.name:
                    reached += self._alone(log, projection, at.partition, stuck)
        return reached

    def _each_alone(
        self, log: Connection, wanted: Sequence[tuple[Projection, Sequence[int]]], stuck: set[Place]
    ) -> list[Progress]:
        reached: list[Progress] = []
        for projection, mine in wanted:
            try:
                reached += self._advance(log, {projection: mine})
            except Exception as error:  # noqa: BLE001 - whatever a fold or the store raises
                _raise_trouble(error)
                for partition in mine:
                    reached += self._alone(log, projection, partition, stuck)
        return reached

    def _alone(self, log: Connection, projection: Projection, partition: int, stuck: set[Place]) -> list[Progress]:
        try:
            return self._advance(log, {projection: [partition]}, one_by_one=True)
        except Exception as error:  # noqa: BLE001 - as above
            _raise_trouble(error)
            stuck.add((projection.name, partition))
            self._halt(log, projection, partition, error)
            return []

    def _advance(
        self,
        log: Connection,
        work: Mapping[Projection, Sequence[int]],
        *,
        one_by_one: bool = False,
        halted: list[Progress] | None = None,
    ) -> list[Progress]:
        """Move rows and checkpoints in one transaction, where nobody else holds them; put `halted` ones into a list."""
        places = [(projection.name, partition) for projection, mine in work.items() for partition in mine]
        if not places:
            return []
        log_id, began = event_log.identity(log), time_ns()
        with self._read.begin() as read:
            free = self._take(read, places, halted)
            # Projections at the same place share what was read and decoded.
            at = {(taken.at.partition, taken.at.position) for taken in free}
            found = stretches.read_from(log, at, limit=max(1, self._batch // max(1, len(at))), upto=self._upto)
            if len(work) > 1:
                found = {place: stretch.decoded() for place, stretch in found.items()}
            moves, writes = list[Move](), Writes(read)
            aside: list[tuple[str, SetAside]] = []
            for projection in work:
                mine = [taken for taken in free if taken.at.projection == projection.name]
                here = [(taken, found[taken.at.partition, taken.at.position]) for taken in mine]
                _check(here, log_id)
                outcome = _apply(read, projection, here, writes, one_by_one=one_by_one)
                aside += [(projection.name, stream) for stream in outcome.set_aside]
                moves += [_move(taken, stretch, applied=outcome.applied) for taken, stretch in here]
            checkpoints.move([move for move in moves if move.is_due], writes)
            if new := [move.before.projection for move in moves if move.is_due and not move.known_log]:
                states.follow(read, new, log_id)
        if moved := [move.after for move in moves if move.before != move.after]:
            self._count(moves)
            self._publish(moved)
            self._trace(log, moves, began)
        _tell(log, aside)
        return [move.after for move in moves]

    def _take(self, read: Connection, places: Sequence[Place], halted: list[Progress] | None) -> list[Taken]:
        free = checkpoints.take(read, places)
        if halted is not None:
            halted += [taken.at for taken in free if taken.halted is not None]
            free = [taken for taken in free if taken.halted is None]
        if self._upto is not None:  # a table that others have filled further stays where it is
            free = [taken for taken in free if taken.at.position <= self._upto[taken.at.partition]]
        return free

    def _halt(self, log: Connection, projection: Projection, partition: int, error: Exception) -> None:
        reason = batch.said(error)
        with self._read.begin() as read:
            at = checkpoints.halt(read, projection.name, partition, reason)
        if at is not None:
            next_one = partition, at + 1
            of = event_log.noted(log, "correlationId", [next_one]).get(next_one)
            said = {"projection": projection.name, "partition": partition, "position": at, "error": reason}
            logger.error("projection_halted", extra={"correlation_id": of, **said})

    def _behind(self, log: Connection, reached: Sequence[Progress]) -> list[int]:
        """Return the partitions whose log goes on behind where a projection is."""
        if not reached:
            return []
        partitions = {at.partition for at in reached}
        heads = event_log.heads(log, partitions) if self._upto is None else self._upto
        return sorted({at.partition for at in reached if at.position < heads[at.partition]})


def _check(here: Sequence[tuple[Taken, Stretch]], log_id: UUID) -> None:
    """Raise where the rows do not come from this log, or where it goes on in a way that this code does not know."""
    for taken, stretch in here:
        checkpoints.check(taken, stretch.before, log_id)
        if stretch.unknown is not None and not stretch.count:
            raise stretch.unknown


def _apply(
    read: Connection, projection: Projection, here: Sequence[tuple[Taken, Stretch]], writes: Writes, *, one_by_one: bool
) -> Outcome:
    """Apply stretches, and set aside what cannot be. What changes rows may be added to other writes, for later."""
    events = chain.from_iterable(stretch.events for _, stretch in here)
    holding = [taken.at.partition for taken, _ in here if taken.held]
    held = quarantine.held(read, projection.name, holding) if holding else frozenset[UUID]()
    if one_by_one:
        outcome = batch.apply_one_by_one(read, projection, list(events), held)
    else:
        at_the_beginning = all(taken.at.position == 0 for taken, _ in here)
        # Counters may come to a row before its own first event, so such a table is never known to be empty.
        first = at_the_beginning and projection.suffix == NEXT and not projection.counters
        mine = events if first else list(events)
        outcome = batch.apply(read, projection, mine, held, writes=writes, first=first)
    _check_hope(read, projection, outcome)
    quarantine.add(read, projection.name, outcome.set_aside)
    return outcome


def _tell(log: Connection, aside: Sequence[tuple[str, SetAside]]) -> None:
    """Log what was set aside, each with the id of the request that its event came of."""
    if not aside:
        return
    ids = event_log.noted(log, "correlationId", [(stream.partition, stream.position) for _, stream in aside])
    for name, stream in aside:
        at = {"stream": stream.stream_id, "partition": stream.partition, "position": stream.position}
        said = {"projection": name, **at, "type": stream.event, "error": stream.error}
        logger.error("stream_set_aside", extra={"correlation_id": ids.get((stream.partition, stream.position)), **said})


def _check_hope(read: Connection, projection: Projection, outcome: Outcome) -> None:
    """Raise CannotRunError where a projection would set aside stream after stream, because it is broken itself.

    What was set aside since the last event that could be applied counts too: events may come one by one.
    """
    if outcome.applied or not outcome.set_aside:
        return
    if quarantine.in_a_row(read, projection.name) + len(outcome.set_aside) >= _HOPELESS:
        raise CannotRunError(f"no event can be applied; the latest: {outcome.set_aside[-1].error}")


def _move(taken: Taken, stretch: Stretch, *, applied: bool) -> Move:
    at = taken.at
    after = replace(at, position=at.position + stretch.count) if stretch.count else at
    return Move(
        before=at,
        after=after,
        event_id=stretch.last,
        applied=applied,
        resumes=taken.halted is not None,
        known_log=taken.log_id is not None,
    )


def _raise_trouble(error: Exception) -> None:
    if rows.is_refusal(error):
        return
    if isinstance(error, _TROUBLE) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        raise error
