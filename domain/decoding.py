"""Facts as they stand in the log, read into today's shape; what is none of that shape is told, not raised."""

from functools import cache

import msgspec
import orjson

from domain.events import FACTS, Fact, Unreadable
from domain.upcasters import UnknownShapeError, current_version, upcast, way

# By type and version: those of today's shape.
_DECODE = {(name, current_version(name)): msgspec.json.Decoder(kind).decode for name, kind in FACTS.items()}


@cache
def unknown_shape(type_: str, schema_version: int) -> UnknownShapeError | None:
    """Return why a fact of this type and version cannot be read, where it is of a newer code than this."""
    if type_ not in FACTS:
        return UnknownShapeError(f"{type_} is not known here")
    try:
        way(type_, schema_version)
    except UnknownShapeError as error:
        return error
    return None


def fact(type_: str, schema_version: int, data: str) -> Fact | Unreadable:
    """Return a fact; raise UnknownShapeError where it is of a newer code than this."""
    decode = _DECODE.get((type_, schema_version))
    if decode is None and (unknown := unknown_shape(type_, schema_version)):
        raise unknown
    try:
        if decode is not None:
            return decode(data)
        return msgspec.convert(upcast(type_, schema_version, orjson.loads(data)), FACTS[type_], strict=False)
    except (
        msgspec.ValidationError
    ) as error:  # which says what is wrong and where, and not the value: a person's perhaps
        return Unreadable(type=type_, reason=str(error))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:  # of an upcaster
        return Unreadable(type=type_, reason=f"{type(error).__name__}: {error}")
