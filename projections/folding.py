"""The log folded by a plain loop, one event after the other, without a store: what the rows of a table should be.

Nothing of it is the runner's: what verifies must not have the errors of what it verifies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.events import Event, Unreadable
from projections.projection import Addition, Key, Projection, Row, Update


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """An event that cannot be folded, and is not in quarantine."""

    event: Event
    error: str


class Folding:
    """The rows of one projection that the events of one partition lead to, and what they add to rows of any.

    Streams in quarantine are passed over from their positions on, as the runner does; `behind` has the keys of the rows
    that miss something therefore. What an unreadable event would have added, nobody knows: `additions_known` is False.
    """

    def __init__(self, projection: Projection, held: Mapping[UUID, int]) -> None:
        self.rows: dict[UUID, Row] = {}
        self.sums: dict[Key, dict[str, Any]] = {}
        self.behind: set[Key] = set()
        self.broken: list[Broken] = []
        self.additions_known = True
        self._projection = projection
        self._held = held
        self._found_by: dict[tuple[str, ...], dict[tuple[Any, ...], set[UUID]]] = {}

    def take(self, event: Event) -> None:
        position = self._held.get(event.stream_id)
        if position is not None and event.position >= position:
            self._pass_over(event, is_first=event.position == position)
            return
        try:
            self._apply(event)
        except Exception as error:  # noqa: BLE001 - whatever a fold raises is told
            self._give_up(event, f"{type(error).__name__}: {error}")

    def _apply(self, event: Event) -> None:
        projection = self._projection
        if isinstance(event.fact, Unreadable):
            self._give_up(event, f"unreadable: {event.fact.reason}")
            return
        if (key := projection.key(event)) is not None:
            before = self.rows.get(key)
            after = projection.fold(before, event)
            if after is not None and after is not before:
                self._put(key, after | {"log_position": event.position})
        if (change := projection.update(event)) is not None:
            self._update(change, event)
        for addition in projection.add(event):
            self._add(addition)

    def _add(self, addition: Addition) -> None:
        key, amounts = addition
        row = self.sums.setdefault(key, dict.fromkeys(self._projection.counters, 0))
        for column, amount in amounts.items():
            row[column] += amount

    def _update(self, change: Update, event: Event) -> None:
        columns, wanted = tuple(change.where), tuple(change.where.values())
        if columns not in self._found_by:
            self._found_by[columns] = {}
            for key, row in self.rows.items():
                self._note(columns, key, row)
        for key in self._found_by[columns].get(wanted, set()).copy():
            row = self.rows[key]
            if tuple(row[column] for column in columns) == wanted:
                self._put(key, row | {**change.values, "log_position": event.position})

    def _put(self, key: UUID, row: Row) -> None:
        self.rows[key] = row
        for columns in self._found_by:
            self._note(columns, key, row)

    def _note(self, columns: tuple[str, ...], key: UUID, row: Row) -> None:
        self._found_by[columns].setdefault(tuple(row[column] for column in columns), set()).add(key)

    def _pass_over(self, event: Event, *, is_first: bool) -> None:
        try:
            key = self._projection.key(event)
            self.behind.update(added_to for added_to, _ in self._projection.add(event))
        except Exception:  # noqa: BLE001 - which may be why it is in quarantine
            key, self.additions_known = None, False
        self.additions_known = self.additions_known and not isinstance(event.fact, Unreadable)
        if key is None:
            return
        self.behind.add((key,))
        if is_first and key in self.rows and "stale" in self._projection.columns:
            self._put(key, self.rows[key] | {"stale": True, "log_position": event.position})

    def _give_up(self, event: Event, error: str) -> None:
        self.additions_known = False
        self.broken.append(Broken(event=event, error=error))
