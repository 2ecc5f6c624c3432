"""Facts as they stand in the log, read into today's shape; what is none of that shape is told, not raised."""

import msgspec
import orjson

from domain.events import FACTS, Fact, Unreadable
from domain.upcasters import UnknownShapeError, current_version, upcast

_DECODERS = {name: msgspec.json.Decoder(kind) for name, kind in FACTS.items()}


def fact(type_: str, schema_version: int, data: str) -> Fact | Unreadable:
    """Return a fact; raise UnknownShapeError where it is of a newer code than this."""
    if type_ not in _DECODERS:
        raise UnknownShapeError(f"{type_} is not known here")
    try:
        if schema_version == current_version(type_):
            return _DECODERS[type_].decode(data)
        return msgspec.convert(upcast(type_, schema_version, orjson.loads(data)), FACTS[type_], strict=False)
    except UnknownShapeError:
        raise
    except (
        msgspec.ValidationError
    ) as error:  # which says what is wrong and where, and not the value: a person's perhaps
        return Unreadable(type=type_, reason=str(error))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:  # of an upcaster
        return Unreadable(type=type_, reason=f"{type(error).__name__}: {error}")
