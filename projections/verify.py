"""Verifies read tables: the log is folded once more and compared with every row, and with the write store.

All is seen as it was at one moment, that of a snapshot of the read store; the log is read up to its checkpoints. The
write store is of a later moment: what has moved on there is not compared. So events may come in meanwhile.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import Connection, Engine, text

from domain import current, event_log, stretches
from domain.event_log import PARTITIONS
from projections import checkpoints, quarantine, rows, states
from projections.checkpoints import Taken
from projections.findings import A_ROW, NO_ROW, Difference, Findings
from projections.folding import Folding
from projections.progress import Progress
from projections.projection import Kept, Key, Projection, Row

_CHUNK = 1000
Tick = Callable[[], None]
T = TypeVar("T")


def verify(
    projections: Sequence[Projection],
    *,
    log: Engine,
    read: Engine,
    partitions: Collection[int] = range(PARTITIONS),
    tick: Tick = lambda: None,
) -> list[Findings]:
    """Return what was found of each projection; `tick` is called after each partition.

    Counters, and rows that the log does not lead to, can only be compared where all partitions are. Raises
    MixedUpError where the rows come from another log, and GapError where the log lacks an event.
    """
    snapshot = read.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with log.connect() as log_connection, snapshot:
        whole = set(partitions) == set(range(PARTITIONS))
        every = [_Verification(projection, snapshot, log_connection) for projection in projections]
        for partition in partitions:
            _fold(log_connection, every, partition)
            tick()
        for each in every:
            if whole:
                each.compare_across_partitions()
        return [each.findings for each in every]


def _fold(log: Connection, every: Sequence["_Verification"], partition: int) -> None:
    """Fold one partition for all projections at once, each up to its own checkpoint, and compare."""
    foldings = [(each, each.begin(partition), each.taken[partition].at.position) for each in every]
    until = max((position for _, _, position in foldings), default=0)
    for events in stretches.walk(log, partition, after=0, until=until, limit=_CHUNK):
        for event in events:
            for _, folding, position in foldings:
                if event.position <= position:
                    folding.take(event)
    for each, folding, _ in foldings:
        each.compare(folding)


class _Verification:
    """One projection, as a snapshot shows it."""

    def __init__(self, projection: Projection, snapshot: Connection, log: Connection) -> None:
        self.findings = Findings(projection=projection.name)
        self.taken = _checkpoints(projection, snapshot)
        self._projection = projection
        self._snapshot = snapshot
        self._log = log
        self._held = quarantine.places(snapshot, projection.name)
        self._keys: set[Key] = set()
        self._behind: set[Key] = set()
        self._sums: dict[Key, dict[str, Any]] = {}
        self._additions_known = True

    def begin(self, partition: int) -> Folding:
        """Return an empty folding; raise MixedUpError where the rows do not come from this log."""
        taken = self.taken[partition]
        [here] = stretches.read_from(self._log, [(partition, taken.at.position)], limit=1).values()
        checkpoints.check(taken, here.before, event_log.identity(self._log))
        return Folding(self._projection, self._held.get(partition, {}))

    def compare(self, folding: Folding) -> None:
        """Compare the rows that a partition leads to with the read table, and with the write store."""
        for broken in folding.broken:
            event = broken.event
            place = f"event {event.position} of partition {event.partition}"
            self._differ(event.stream_id, place, broken.error, "a fact that can be folded", table="events")
        for keys in _chunks(folding.rows):
            expected = {key: folding.rows[key] for key in keys}
            self._compare_rows(rows.load(self._snapshot, self._projection, keys), expected)
            if self._projection.kept is not None:
                self._compare_kept(self._projection.kept, expected, folding.behind)
        self.findings.rows += len(folding.rows)
        found = {(key,) for key in folding.rows}
        self.findings.behind += len(folding.behind & found)
        self._keys |= found
        self._behind |= folding.behind
        self._additions_known = self._additions_known and folding.additions_known
        for key, amounts in folding.sums.items():
            sums = self._sums.setdefault(key, dict.fromkeys(self._projection.counters, 0))
            for column, amount in amounts.items():
                sums[column] += amount

    def compare_across_partitions(self) -> None:
        """Compare what takes all partitions: whether there are rows too many, counters, and what follows from them."""
        seen: set[Key] = set()
        for found in _chunks(self._table()):
            for row in found:
                key = self._key_of(row)
                seen.add(key)
                self._compare_counters(key, row)
            if (kept := self._projection.kept) is not None and kept.counted and self._additions_known:
                self._compare_counted(kept, {row[self._projection.key_column]: self._counted(row) for row in found})
        for key in self._sums.keys() - self._keys - seen:
            self._differ(key, None, NO_ROW, A_ROW)

    def _compare_rows(self, found: Mapping[UUID, Row], expected: Mapping[UUID, Row]) -> None:
        for key, row in expected.items():
            if key not in found:
                self._differ(key, None, NO_ROW, A_ROW)
                continue
            for column, value in found[key].items():
                if not _equal(value, row[column]):
                    self._differ(key, column, value, row[column])

    def _compare_kept(self, kept: Kept, expected: Mapping[UUID, Row], behind: Collection[Key]) -> None:
        found = current.rows(self._log, kept.table, kept.columns, expected)
        for key, row in expected.items():
            if key not in found:
                self._differ(key, None, NO_ROW, A_ROW, table=kept.name)
            elif found[key]["version"] > row["version"]:
                self.findings.moved_on += (key,) not in behind
            else:
                for column in kept.columns:
                    if not _equal(found[key][column], row[column]):
                        self._differ(key, column, found[key][column], row[column], table=kept.name)

    def _table(self) -> Iterator[Row]:
        projection = self._projection
        columns = projection.columns if projection.counters else projection.key_columns
        statement = text(f"select {', '.join(columns)} from {projection.name}")  # noqa: S608 - our own names
        found = self._snapshot.execute(statement, execution_options={"yield_per": _CHUNK})
        return (dict(row) for row in found.mappings())

    def _key_of(self, row: Row) -> Key:
        return tuple(row[column] for column in self._projection.key_columns)

    def _compare_counters(self, key: Key, row: Row) -> None:
        if key not in self._keys and key not in self._sums:
            self._differ(key, None, A_ROW, NO_ROW)
            return
        counters = self._projection.counters
        self.findings.rows += key not in self._keys
        expected = self._sums.get(key, dict.fromkeys(counters, 0))
        if key not in self._keys:  # only counted so far: its own first event has not come
            expected = dict.fromkeys(row) | dict(zip(self._projection.key_columns, key, strict=True)) | expected
        for column, value in expected.items():
            if not _equal(row[column], value):
                self._differ(key, column, row[column], value)

    def _counted(self, row: Row) -> Row:
        """Return a row with its counters as they should be."""
        return row | self._sums.get(self._key_of(row), dict.fromkeys(self._projection.counters, 0))

    def _compare_counted(self, kept: Kept, shown: Mapping[UUID, Row]) -> None:
        """Compare columns that follow from counters, of rows that no event has touched since the snapshot."""
        found = current.rows(self._log, kept.table, ("version", *kept.counted), shown)
        differing = {
            key: {column: value(shown[key]) for column, value in kept.counted.items()}
            for key, row in found.items()
            if row["version"] == shown[key]["version"] and (key,) not in self._behind
            if any(row[column] != value(shown[key]) for column, value in kept.counted.items())
        }
        touched = self._touched_since() if differing else set()
        for key, expected in differing.items():
            if (key,) in touched:
                self.findings.moved_on += 1
                continue
            for column, value in expected.items():
                if found[key][column] != value:
                    self._differ(key, column, found[key][column], value, table=kept.name)

    def _touched_since(self) -> set[Key]:
        """Return the keys of the rows to which events behind the checkpoints add, by now."""
        touched: set[Key] = set()
        for partition, head in event_log.heads(self._log).items():
            after = self.taken[partition].at.position
            for events in stretches.walk(self._log, partition, after=after, until=head, limit=_CHUNK):
                touched |= {key for event in events for key, _ in self._projection.add(event)}
                touched |= {(key,) for event in events if (key := self._projection.key(event)) is not None}
        return touched

    def _differ(
        self, key: UUID | Key, column: str | None, found: Any, expected: Any, *, table: str | None = None
    ) -> None:
        self.findings.note(
            Difference(
                table=table or self._projection.name, key=_plain(key), column=column, found=found, expected=expected
            )
        )


def _plain(key: UUID | Key) -> Any:
    """Return the one column of a key, or all where there are more."""
    return key[0] if isinstance(key, tuple) and len(key) == 1 else key


def _checkpoints(projection: Projection, snapshot: Connection) -> dict[int, Taken]:
    log_id = state.log_id if (state := states.everything(snapshot).get(projection.name)) else None
    taken = {
        partition: Taken(
            at=Progress(projection=projection.name, partition=partition, position=0),
            event_id=None,
            log_id=log_id,
            held=0,
            halted=None,
        )
        for partition in range(PARTITIONS)
    }
    for each in checkpoints.everything(snapshot):
        if each.projection == projection.name:
            taken[each.partition] = Taken(
                at=Progress(projection=each.projection, partition=each.partition, position=each.position),
                event_id=each.event_id,
                log_id=log_id,
                held=each.held,
                halted=each.halted,
            )
    return taken


def _equal(found: Any, expected: Any) -> bool:
    """Return whether a column holds a value; in JSON it may be spelled otherwise than in Python."""
    if found == expected:
        return True
    if not isinstance(found, list | dict) or not isinstance(expected, list | dict | tuple):
        return False
    return bool(found == orjson.loads(orjson.dumps(expected, default=str)))


def _chunks(of: Iterable[T]) -> Iterator[list[T]]:
    each = iter(of)
    while chunk := list(islice(each, _CHUNK)):
        yield chunk
