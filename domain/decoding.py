"""Facts as they stand in the log, read into today's shape; what is none of that shape is told, not raised."""

import orjson
from pydantic import TypeAdapter, ValidationError

from domain.events import FACTS, Fact, Unreadable
from domain.upcasters import UnknownShapeError, current_version, upcast

_DECODERS: dict[str, TypeAdapter[Fact]] = {name: TypeAdapter(fact) for name, fact in FACTS.items()}


def fact(type_: str, schema_version: int, data: str) -> Fact | Unreadable:
    """Return a fact; raise UnknownShapeError where it is of a newer code than this."""
    if type_ not in _DECODERS:
        raise UnknownShapeError(f"{type_} is not known here")
    try:
        if schema_version == current_version(type_):
            return _DECODERS[type_].validate_json(data)
        return _DECODERS[type_].validate_python(upcast(type_, schema_version, orjson.loads(data)))
    except UnknownShapeError:
        raise
    except ValidationError as error:
        return Unreadable(type=type_, reason=_told(error))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:  # of an upcaster
        return Unreadable(type=type_, reason=f"{type(error).__name__}: {error}")


def _told(error: ValidationError) -> str:
    """Return what is wrong, and where, without the value itself: it may be a person's."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(
        f"{'.'.join(str(step) for step in each['loc'])}: {each['msg']}".removeprefix(": ") for each in found
    )
