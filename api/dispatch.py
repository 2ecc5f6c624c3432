"""From a mutation's input to the command bus and back: the part that all mutations share."""

from collections.abc import Callable, Mapping
from typing import Any

import strawberry
from graphql import GraphQLNamedType
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import InputContext
from strawberry.types.base import StrawberryObjectDefinition

from api.context import Info
from api.decoding import request
from api.types.results import refused
from domain.bus import Accepted
from domain.commands import Command
from domain.errors import Refusal
from tasks import logs, traces


@strawberry.input
class CommandInput:
    """What every input has; as it was sent, with the contract's names, since the command's decoding reads it."""

    sent: strawberry.Private[Mapping[str, Any]]
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
    context, name = info.context, logs.correlation_id.get()
    with context.counts.command(command) as ending:
        try:
            wanted = request(
                command,
                given.sent,
                actor=context.principal.actor,
                correlation_id=name or None,
                traceparent=traces.traceparent(),
            )
            allow(wanted.command)
            done = await context.bus.execute(wanted)
        except Refusal as refusal:
            ending.refused(refusal.code)
            return refused(refusal)
        ending.accepted(done)
    return accepted(done)


def keep_as_sent(kind: GraphQLNamedType) -> None:
    """Let a command's input be what was sent, once GraphQL has checked it: it is decoded once, for commands."""
    definition = kind.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if isinstance(definition, StrawberryObjectDefinition) and issubclass(definition.origin, CommandInput):
        definition.from_input = _as_sent


def _as_sent(kind: type, sent: Mapping[str, Any], _: InputContext) -> CommandInput:
    given: CommandInput = object.__new__(kind)
    given.sent = sent
    return given
