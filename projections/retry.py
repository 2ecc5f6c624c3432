"""Plays again what was set aside, after whatever kept it from being applied was mended."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic, sleep
from uuid import UUID

from sqlalchemy import Connection, Engine

from domain import event_log, stretches
from domain.events import Event
from projections import checkpoints, quarantine, rows
from projections.batch import Batch
from projections.checkpoints import Taken
from projections.projection import Projection
from projections.quarantine import SetAside

_CHUNK = 1000
_PATIENCE = 15.0  # seconds; longer than a runner holds a checkpoint
TakeIn = Callable[[Batch, Connection, Event], None]


class BusyError(RuntimeError):
    """Somebody held a checkpoint for longer than any runner does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """How many streams were brought up to date, by how many events; and how many are set aside still."""

    streams: int = 0
    events: int = 0
    still: int = 0

    def __add__(self, other: "Retried") -> "Retried":
        return Retried(
            streams=self.streams + other.streams, events=self.events + other.events, still=self.still + other.still
        )


def retry(projection: Projection, *, log: Engine, read: Engine) -> Retried:
    """Apply, in its order, all that was passed over; what fails again stays set aside, from there on."""
    with read.connect() as connection:
        partitions = sorted(quarantine.places(connection, projection.name))
    done = Retried()
    with log.connect() as log_connection:
        for partition in partitions:
            done += _retry(projection, partition, log_connection, read)
    return done


class _HalfUpdatedError(Exception):
    """Streams fail again after updates of theirs, which would put older values over newer ones."""

    def __init__(self, failed: Mapping[UUID, SetAside]) -> None:
        super().__init__()
        self.failed = failed


def _retry(projection: Projection, partition: int, log: Connection, read: Engine) -> Retried:
    take_in: TakeIn = _together
    left: dict[UUID, SetAside] = {}
    while True:
        try:
            return _play(projection, partition, log, read, take_in=take_in, left=left)
        except _HalfUpdatedError as error:
            left |= error.failed
        except Exception as error:
            if take_in is _one_by_one or not rows.is_refusal(error):
                raise
            take_in = _one_by_one


def _together(batch: Batch, _: Connection, event: Event) -> None:
    batch.take_in(event)


def _one_by_one(batch: Batch, read: Connection, event: Event) -> None:
    """Take an event in and write it, so that it is known which one the store does not take."""
    batch.write(read)
    batch.load(read, [event])
    batch.take_in(event)
    batch.write_alone(read, event)


def _play(
    projection: Projection,
    partition: int,
    log: Connection,
    read: Engine,
    *,
    take_in: TakeIn,
    left: Mapping[UUID, SetAside],
) -> Retried:
    """Play the streams of one partition up to the checkpoint, which is held meanwhile; those in `left` stay aside.

    A stream with updates is played to its end or not at all: rows that came after them have later values already,
    which an update puts back until the next one follows.
    """
    with read.begin() as connection:
        taken = _take(connection, projection, partition)
        # Under the lock: whoever retried at the same time may have taken them back.
        streams = quarantine.places(connection, projection.name).get(partition, {})
        if not streams:
            return Retried()
        _check(taken, log)
        played, batch = dict[UUID, Event](), Batch(projection, left)
        times = Counter[UUID]()
        after, until = min(streams.values()) - 1, taken.at.position
        for events in stretches.walk(log, partition, after=after, until=until, limit=_CHUNK):
            _play_events(batch, connection, events, streams, take_in)
            mine = [event for event in events if _is_passed_over(event, streams)]
            played |= {event.stream_id: event for event in mine}
            times.update(event.stream_id for event in mine)
        aside = {
            **_failed(batch),
            **{each: replace(left[each], position=streams[each]) for each in streams.keys() & left.keys()},
        }
        released = [stream for stream in streams if stream not in aside]
        for stream in released:
            batch.freshen(played[stream])
        batch.write(connection)
        quarantine.add(connection, projection.name, list(aside.values()))
        quarantine.release(connection, projection.name, released, partition)
    return Retried(streams=len(released), events=sum(times[stream] for stream in released), still=len(aside))


def _check(taken: Taken, log: Connection) -> None:
    """Raise MixedUpError where the rows do not come from this log."""
    [here] = stretches.read_from(log, [(taken.at.partition, taken.at.position)], limit=1).values()
    checkpoints.check(taken, here.before, event_log.identity(log))


def _failed(batch: Batch) -> dict[UUID, SetAside]:
    failed = {each.stream_id: each for each in batch.set_aside}
    if half := {stream: each for stream, each in failed.items() if stream in batch.updating}:
        raise _HalfUpdatedError(half)
    return failed


def _play_events(
    batch: Batch, read: Connection, events: Sequence[Event], streams: Mapping[UUID, int], take_in: TakeIn
) -> None:
    """Updates that came in between changed other rows then; they change these now, at their place in the order."""
    batch.load(read, [event for event in events if _is_passed_over(event, streams)])
    for event in events:
        if _is_passed_over(event, streams):
            take_in(batch, read, event)
        else:
            batch.follow(event)


def _is_passed_over(event: Event, streams: Mapping[UUID, int]) -> bool:
    return event.stream_id in streams and event.position >= streams[event.stream_id]


def _take(connection: Connection, projection: Projection, partition: int) -> Taken:
    until = monotonic() + _PATIENCE
    while not (taken := checkpoints.take(connection, [(projection.name, partition)])):
        if monotonic() > until:
            raise BusyError(f"{projection.name} is busy in partition {partition} and does not let go: try again.")
        sleep(0.02)
    return taken[0]
