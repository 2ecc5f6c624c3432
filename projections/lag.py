"""How far projections are behind the log: head minus checkpoint, exact, without counting."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Engine

from domain import event_log
from projections import checkpoints, states
from projections.catalogue import projections
from projections.checkpoints import Checkpoint
from projections.projection import NEXT, Projection
from projections.states import State

_LIVE_SECONDS = 5.0  # behind for longer than this is no longer live


class ProjectionState(StrEnum):
    LIVE = "LIVE"
    CATCHING_UP = "CATCHING_UP"
    REBUILDING = "REBUILDING"
    HALTED = "HALTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a projection is doing.

    `head`, `applied` and `lag` count events over all partitions; `lag_seconds` is the age of the oldest event that is
    not applied, 0 where there is none. `version` is that of the rows, `newest` that of the code. `rebuild_progress` is
    0 to 1 while its table is built again, else None; `halted` holds the reasons why it cannot go on.
    """

    name: str
    state: ProjectionState
    version: int
    newest: int
    head: int
    applied: int
    lag_seconds: float
    quarantined: int
    rebuild_progress: float | None
    halted: tuple[str, ...]

    @property
    def lag(self) -> int:
        return max(0, self.head - self.applied)


def partitions_behind(*, log: Engine, read: Engine, names: Iterable[str]) -> list[int]:
    """Return the partitions in which one of these projections is not where the log is, or is halted.

    To be beyond the head counts too: whoever drains that partition finds out what is the matter, or that nothing is
    any longer.
    """
    with read.connect() as connection:
        reached = checkpoints.ranges(connection, names)
    with log.connect() as connection:
        heads = event_log.heads(connection)
    return [
        partition for partition, head in heads.items() if reached.get(partition, (0, 0, False)) != (head, head, False)
    ]


def standings(*, log: Engine, read: Engine) -> list[Standing]:
    """Return how all projections are doing, by name."""
    with read.connect() as connection:  # before the heads, so that none is found beyond them
        known = states.everything(connection)
        found: dict[str, list[Checkpoint]] = {}
        for checkpoint in checkpoints.everything(connection):
            found.setdefault(checkpoint.projection, []).append(checkpoint)
    with log.connect() as connection:
        heads = event_log.heads(connection)
        behind = {(at.partition, at.position) for at in _all(found) if at.position < heads[at.partition]}
        ages = event_log.ages(connection, sorted(behind))
    return [_standing(projection, known.get(projection.name), found, heads, ages) for projection in projections()]


def _standing(
    projection: Projection,
    state: State | None,
    found: Mapping[str, Sequence[Checkpoint]],
    heads: Mapping[int, int],
    ages: Mapping[tuple[int, int], float],
) -> Standing:
    mine = found.get(projection.name, [])
    halted = tuple(sorted({at.halted for at in mine if at.halted is not None}))
    seconds = max((ages.get((at.partition, at.position), 0.0) for at in mine), default=0.0)
    rebuilt = found.get(projection.beside(NEXT).name)
    head = sum(heads.values())
    return Standing(
        name=projection.name,
        state=_state(halted=bool(halted), rebuilding=rebuilt is not None, seconds=seconds),
        version=state.version if state else 0,
        newest=projection.version,
        head=head,
        applied=sum(at.position for at in mine),
        lag_seconds=max(0.0, seconds),
        quarantined=sum(at.held for at in mine),
        rebuild_progress=None if rebuilt is None else min(1.0, sum(at.position for at in rebuilt) / max(1, head)),
        halted=halted,
    )


def _state(*, halted: bool, rebuilding: bool, seconds: float) -> ProjectionState:
    if halted:
        return ProjectionState.HALTED
    if rebuilding:
        return ProjectionState.REBUILDING
    return ProjectionState.CATCHING_UP if seconds > _LIVE_SECONDS else ProjectionState.LIVE


def _all(found: Mapping[str, Sequence[Checkpoint]]) -> Iterable[Checkpoint]:
    return (checkpoint for mine in found.values() for checkpoint in mine)
