"""Lifts facts of older shapes to today's, one version at a time, while they are read; the log itself stays as it is."""

from collections.abc import Callable, Mapping
from typing import Any

from domain.events import SCHEMA_VERSIONS

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


class UnknownShapeError(LookupError):
    """A fact is of a version that this code does not know: written by a newer one, or missing an upcaster."""


def _with_currency(data: dict[str, Any]) -> dict[str, Any]:
    """Until version 2 these facts named no currency, and there was one."""
    return data | {"currency": "USD"}


# From a version of a fact to the next one.
UPCASTERS: Mapping[tuple[str, int], Upcaster] = {
    ("UserRegistered", 1): _with_currency,
    ("OrderItemAdded", 1): _with_currency,
    ("OrderItemQuantityChanged", 1): _with_currency,
    ("OrderItemRemoved", 1): _with_currency,
    ("OrderCancelled", 1): _with_currency,
    ("OrderRefunded", 1): _with_currency,
}


def current_version(type_: str) -> int:
    return SCHEMA_VERSIONS.get(type_, 1)


def upcast(
    type_: str, version: int, data: dict[str, Any], *, upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS
) -> dict[str, Any]:
    """Return a fact's data in the shape of the current version; raise UnknownShapeError where no way leads there."""
    for lift in way(type_, version, upcasters):
        data = lift(data)
    return data


def way(type_: str, version: int, upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS) -> list[Upcaster]:
    """Return the steps from a version to the current one; raise UnknownShapeError where none leads there."""
    steps: list[Upcaster] = []
    while version != current_version(type_):
        lift = upcasters.get((type_, version))
        if lift is None:
            raise UnknownShapeError(f"{type_} of version {version} is not known here")
        steps.append(lift)
        version += 1
    return steps
