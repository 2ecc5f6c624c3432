"""From a mutation's input to the command bus and back: the part that all mutations share."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any

import strawberry
from pydantic.alias_generators import to_camel

from api.context import Info
from api.decoding import request
from api.types.results import refused
from domain.bus import Accepted
from domain.commands import Command
from domain.errors import Refusal


@strawberry.input
class CommandInput:
    """What every input has."""

    idempotency_key: str | None = None
    dry_run: bool | None = False


@strawberry.input
class ChangeInput(CommandInput):
    """What every input has that names an existing aggregate."""

    expected_version: int | None = None


async def dispatch(
    info: Info,
    command: type[Command],
    given: CommandInput,
    accepted: Callable[[Accepted], object],
    *,
    allow: Callable[[Any], None] = lambda _: None,
) -> Any:
    """Carry out a command and return a member of its field's union.

    `allow` is given the command, and raises where its sender may not give it.
    """
    context = info.context
    try:
        wanted = request(command, _mapping(given), actor=context.principal.actor, correlation_id=context.correlation_id)
        allow(wanted.command)
        return accepted(await context.bus.execute(wanted))
    except Refusal as refusal:
        return refused(refusal)


def _mapping(given: Any) -> Mapping[str, Any]:
    """Return an input with the contract's field names."""
    return {name: _value(getattr(given, field)) for field, name in _names(given.__class__)}


@cache
def _names(kind: type) -> tuple[tuple[str, str], ...]:
    return tuple((field.name, to_camel(field.name)) for field in fields(kind))


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(inner) for inner in value]
    return _mapping(value) if hasattr(type(value), "__strawberry_definition__") else value
