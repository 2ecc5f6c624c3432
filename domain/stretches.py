"""Stretches of the log, read for projections: many partitions at once, and never past an event that is missing."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from domain.decoding import unknown_shape
from domain.driver import fetch
from domain.event_log import COLUMNS, events_of, read
from domain.events import Event
from domain.upcasters import UnknownShapeError

_NO_END = (1 << 63) - 1
Place = tuple[int, int]
"""A partition and a position in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The next events of a partition behind a place in it, `count` of them.

    They are decoded while they are iterated over, each time anew: whoever needs them once need not keep them all.

    `before` and `last` are the ids of the event at the place and of the last one of these; None where there is none.
    `unknown` says why no more of them were read, where the next one is of a newer code than this.
    """

    events: Iterable[Event] = ()
    count: int = 0
    before: UUID | None = None
    last: UUID | None = None
    unknown: UnknownShapeError | None = None

    def decoded(self) -> "Stretch":
        """Return the same events, to be iterated over by several."""
        return replace(self, events=list(self.events))


@dataclass(frozen=True, slots=True)
class _Undecoded:
    rows: Sequence[Any]

    def __iter__(self) -> Iterator[Event]:
        return events_of(row[2:] for row in self.rows)


class GapError(LookupError):
    """The log lacks an event, which it never does by itself: it was changed by hand, or is another one."""


_READ_FROM = f"""
    select place.after, event_id, {COLUMNS}
    from unnest(cast(%s as smallint[]), cast(%s as bigint[]), cast(%s as bigint[]))
        place (of_partition, after, last)
    cross join lateral (
        select * from events
        where partition = place.of_partition and position between place.after and place.last
        order by position limit %s
    ) found
    order by partition, after, position
"""  # noqa: S608 - as above
_LACKING = text("""
    select place.partition, place.after, log_heads.position
    from unnest(cast(:partitions as smallint[]), cast(:afters as bigint[])) place (partition, after)
    join log_heads on log_heads.partition = place.partition and log_heads.position > place.after
    where not exists (
        select from events where events.partition = place.partition and events.position > place.after
    )
""")


def read_from(
    connection: Connection, places: Collection[Place], *, limit: int, upto: Mapping[int, int] | None = None
) -> dict[Place, Stretch]:
    """Return, for each place, the next events of its partition behind it, at most `limit`; raise GapError for a gap.

    `upto`: positions by partition, beyond which nothing is read.
    """
    if not places:
        return {}
    partitions, afters = zip(*places, strict=True)
    lasts = [_NO_END if upto is None else upto[partition] for partition in partitions]
    found = fetch(connection, _READ_FROM, [list(partitions), list(afters), lasts, limit + 1])
    rows: dict[Place, list[Any]] = {place: [] for place in places}
    for row in found:
        rows[row[2], row[0]].append(row)
    _check_ends(connection, [place for place in places if not rows[place] or rows[place][-1][3] == place[1]])
    return {place: _stretch(place, rows[place], limit) for place in places}


def _check_ends(connection: Connection, places: Sequence[Place]) -> None:
    """Raise GapError where the log says that it goes on behind one of these places, and has nothing there."""
    if not places:
        return
    partitions, afters = zip(*places, strict=True)
    lacking = connection.execute(_LACKING, {"partitions": list(partitions), "afters": list(afters)})
    for partition, after, head in lacking:
        raise GapError(f"partition {partition} of the log lacks all events between {after} and its end, {head}")


def _stretch(place: Place, rows: Sequence[Any], limit: int) -> Stretch:
    partition, after = place
    at_place = [row for row in rows[:1] if row[3] == after]
    behind = rows[len(at_place) :][:limit]
    if behind and behind[-1][3] != after + len(behind):
        raise GapError(f"partition {partition} of the log lacks an event between {after} and {behind[-1][3]}")
    if behind and after and not at_place:
        raise GapError(f"partition {partition} of the log lacks its event {after}")
    before = at_place[0][1] if at_place else None
    unknown = next((error for kind in {row[7:9] for row in behind} if (error := unknown_shape(*kind))), None)
    if unknown is not None:
        behind = list(takewhile(lambda row: unknown_shape(*row[7:9]) is None, behind))
    last = behind[-1][1] if behind else before
    return Stretch(events=_Undecoded(behind), count=len(behind), before=before, last=last, unknown=unknown)


def walk(connection: Connection, partition: int, *, after: int, until: int, limit: int) -> Iterator[list[Event]]:
    """Yield the events of a partition behind `after` and up to `until`, at most `limit` at once; raise GapError."""
    while after < until:
        events = read(connection, partition, after=after, limit=min(limit, until - after))
        if not events or events[-1].position != after + len(events):
            raise GapError(f"partition {partition} of the log lacks an event between {after} and {until}")
        yield events
        after = events[-1].position
