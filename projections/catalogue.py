"""Finds the projections: every file in `projections/views` is one."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from projections import checkpoints, quarantine, states, views
from projections.projection import Projection, ReadTable

__all__ = [
    "ReadTable",
    "checkpoints",
    "projections",
    "quarantine",
    "states",
]  # importing this module makes the metadata of ReadTable whole


@cache
def projections() -> tuple[Projection, ...]:
    """Return all projections, in the order of their names."""
    modules = [import_module(f"{views.__name__}.{found.name}") for found in iter_modules(views.__path__)]
    return tuple(sorted((module.PROJECTION for module in modules), key=lambda found: found.name))


projections()
