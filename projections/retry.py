"""Plays again what was set aside, after whatever kept it from being applied was mended."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic, sleep
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, IntegrityError

from domain import event_log
from domain.events import Event
from projections import checkpoints, quarantine
from projections.batch import Batch
from projections.checkpoints import Taken
from projections.projection import Projection

_CHUNK = 1000
_PATIENCE = 15.0  # seconds; longer than a runner holds a checkpoint


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
        places = quarantine.places(connection, projection.name)
    done = Retried()
    with log.connect() as log_connection:
        for partition, streams in places.items():
            try:
                done += _play(projection, partition, streams, log_connection, read)
            except (DataError, IntegrityError):
                # The store does not take one of them: each alone, so that it stops no other.
                for stream, position in sorted(streams.items(), key=lambda place: place[1]):
                    done += _alone(projection, partition, {stream: position}, log_connection, read)
    return done


def _alone(
    projection: Projection, partition: int, stream: Mapping[UUID, int], log: Connection, read: Engine
) -> Retried:
    try:
        return _play(projection, partition, stream, log, read)
    except (DataError, IntegrityError):
        return Retried(still=1)


def _play(
    projection: Projection, partition: int, streams: Mapping[UUID, int], log: Connection, read: Engine
) -> Retried:
    """Play streams of one partition, each from its position up to the checkpoint, which is held meanwhile.

    Updates that came in between changed other rows then; they change these now, at their place in the order.
    """
    batch, played = Batch(projection), dict[UUID, list[Event]]()
    with read.begin() as connection:
        until = _take(connection, projection, partition).at.position
        after = min(streams.values()) - 1
        while after < until:
            events = event_log.read(log, partition, after=after, limit=min(_CHUNK, until - after))
            mine = [event for event in events if event.position >= streams.get(event.stream_id, until + 1)]
            batch.load(connection, mine)
            for event in events:
                if event.position < streams.get(event.stream_id, until + 1):
                    batch.follow(event)
                else:
                    batch.take_in(event)
                    played.setdefault(event.stream_id, []).append(event)
            after = events[-1].position
        failed = {each.stream_id for each in batch.set_aside}
        released = [stream for stream in streams if stream not in failed]
        for stream in released:
            batch.freshen(played[stream][-1])
        batch.write(connection)
        quarantine.add(connection, projection.name, batch.set_aside)
        quarantine.release(connection, projection.name, released, partition)
    return Retried(streams=len(released), events=sum(len(played[stream]) for stream in released), still=len(failed))


def _take(connection: Connection, projection: Projection, partition: int) -> Taken:
    until = monotonic() + _PATIENCE
    while not (taken := checkpoints.take(connection, [(projection.name, partition)])):
        if monotonic() > until:
            raise BusyError(f"{projection.name} is busy in partition {partition} and does not let go: try again.")
        sleep(0.02)
    return taken[0]
