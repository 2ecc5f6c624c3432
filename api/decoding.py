"""From a command's input, as GraphQL and import files spell it, to the command. What does not fit is one refusal."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple, get_args, get_type_hints
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel, to_snake

from api.scalars import is_id
from domain.bus import Request
from domain.commands import HANDLERS, Command
from domain.errors import InvalidInput, Path
from domain.transaction import Actor

_HOW: dict[str, TypeAdapter[Any]] = {
    "idempotencyKey": TypeAdapter(str | None),
    "expectedVersion": TypeAdapter(int | None),
    "dryRun": TypeAdapter(bool | None),
}
_NOTHING_THAT_FITS = object()
_ADAPTERS: dict[type[Command], TypeAdapter[Any]] = {command: TypeAdapter(command) for command in HANDLERS}
_MESSAGES = {
    "uuid": "This is not an id: it must be a UUID, such as 0190b6a4-3c5e-7d2a-9f00-6c1b2a3d4e5f.",
    "decimal": "This is not an amount: write it like 59.97.",
    "finite": "This is not an amount: write it like 59.97.",
    "int": "This must be a whole number.",
    "bool": "This must be true or false.",
    "string": "This must be text.",
    "missing": "This field is required.",
    "tuple": "This must be a list.",
    "list": "This must be a list.",
    "dataclass": "This must be an object.",
}


def request(
    command: type[Command],
    given: Mapping[str, Any],
    *,
    actor: Actor,
    correlation_id: str | None = None,
    traceparent: str | None = None,
) -> Request:
    """Make a request of an input with the contract's field names; raise InvalidInput naming the field to blame."""
    key, version, dry_run = (_one(name, given.get(name)) for name in _HOW)
    return Request(
        command=decode(command, {name: value for name, value in given.items() if name not in _HOW}),
        actor=actor,
        idempotency_key=key,
        expected_version=version,
        dry_run=bool(dry_run),
        correlation_id=correlation_id,
        traceparent=traceparent,
    )


def decode(command: type[Command], given: Mapping[str, Any]) -> Command:
    _check(command, given, ())
    try:
        decoded: Command = _ADAPTERS[command].validate_python(_snake(given))
    except ValidationError as error:
        raise _refusal(error, ()) from error
    return decoded


def _check(kind: type, given: Mapping[str, Any], path: Path) -> None:
    """Refuse a field that the input does not have, since a misspelt one must not count as left out, and odd ids."""
    known = _fields(kind)
    for name, value in given.items():
        if name not in known:
            raise InvalidInput(f"There is no field {name} here; there are {', '.join(sorted(known))}.", (*path, name))
        field = known[name]
        if field.is_id and isinstance(value, str) and not is_id(value):
            raise InvalidInput(_MESSAGES["uuid"], (*path, name))
        if field.inner is None:
            continue
        if isinstance(value, Mapping):
            _check(field.inner, value, (*path, name))
        elif isinstance(value, list | tuple):
            for index, item in enumerate(value):
                if isinstance(item, Mapping):
                    _check(field.inner, item, (*path, name, str(index)))


class _Field(NamedTuple):
    is_id: bool
    inner: type | None
    """The dataclass that it holds, if any."""


@cache
def _fields(kind: type) -> dict[str, _Field]:
    """Return the fields of an input by the contract's names."""
    hints = get_type_hints(kind)
    return {to_camel(field.name): _field((hints[field.name], *get_args(hints[field.name]))) for field in fields(kind)}


def _field(types: tuple[Any, ...]) -> _Field:
    inner = next((part for part in types if isinstance(part, type) and is_dataclass(part)), None)
    return _Field(is_id=UUID in types, inner=inner)


def _one(name: str, value: Any) -> Any:
    try:
        return _HOW[name].validate_python(value if name == "dryRun" else _snake(value))
    except ValidationError as error:
        raise _refusal(error, (name,)) from error


def _snake(value: Any) -> Any:
    if isinstance(value, bool):  # no command has a field for one, and none shall pass for a number
        return _NOTHING_THAT_FITS
    if isinstance(value, Mapping):
        return {_snake_name(str(name)): _snake(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_snake(inner) for inner in value]
    return value


_snake_name = lru_cache(1024)(to_snake)  # bounded: names come from outside


def _refusal(error: ValidationError, path: Path) -> InvalidInput:
    first = error.errors(include_url=False)[0]
    where = tuple(to_camel(part) if isinstance(part, str) else str(part) for part in first["loc"])
    message = _MESSAGES.get(first["type"].split("_", 1)[0], first["msg"])
    return InvalidInput(message, path + where)
