"""Given, when, then: what a rule refuses, and what a fold makes of events, each as one whole value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from domain.errors import Refusal
from domain.events import Event
from projections.projection import Projection, Row, fold_all


def refused(decide: Callable[..., object], *args: Any, **given: Any) -> dict[str, Any]:
    """Return all that a refusal says: its code, message and path, and what its kind has beside them."""
    with pytest.raises(Refusal) as caught:
        decide(*args, **given)
    return {"code": caught.value.code, **vars(caught.value)}


def invalid(message: str, *path: str) -> dict[str, Any]:
    return {"code": "INVALID_INPUT", "message": message, "path": path}


@dataclass(frozen=True, slots=True)
class Folded:
    row: Row | None

    def then(self, expected: Row | None) -> None:
        assert self.row == expected


@dataclass(frozen=True, slots=True)
class History:
    projection: Projection
    events: tuple[Event, ...]

    def when(self, event: Event) -> Folded:
        return Folded(self.projection.fold(fold_all(self.projection, self.events), event))


def given(projection: Projection, *events: Event) -> History:
    """Begin the sentence: given these events, when another one, then this row."""
    return History(projection, events)
