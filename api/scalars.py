"""The contract's own scalars, and ids as they come from outside."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NewType
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry.schema.types.base_scalars import DateDefinition, DateTimeDefinition, DecimalDefinition
from strawberry.types.scalar import ScalarDefinition

from api.errors import BadUserInput

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d(:?\d\d)?)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_DECIMAL = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
ConsistencyToken = NewType("ConsistencyToken", str)
BigInt = NewType("BigInt", int)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise GraphQLError("A consistency token is a string.")
    return value


def _decimal(value: object) -> Decimal | str:
    """Take what is written like 59.97, and nothing else that Python reads as a number.

    Other text is handed on as what no number is: the command's decoding refuses it, and can name the field.
    """
    if not isinstance(value, str | int | float | Decimal) or isinstance(value, bool):
        raise GraphQLError("A decimal number is written like 59.97.")
    return Decimal(str(value)) if _DECIMAL.fullmatch(str(value)) else "not a number"


def _moment(value: object) -> datetime:
    """Take a moment with or without an offset; one without is in UTC, as all that is answered."""
    try:
        if isinstance(value, str) and _MOMENT.fullmatch(value):
            at = datetime.fromisoformat(value.upper())
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise GraphQLError("This is no moment: write it like 2026-01-31T12:00:00Z.")


def _day(value: object) -> date:
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise GraphQLError("This is no day: write it like 2026-01-31.")


SCALARS: Mapping[object, ScalarDefinition] = {
    datetime: replace(DateTimeDefinition, description="A moment in UTC, ISO-8601.", parse_value=_moment),
    date: replace(DateDefinition, description="A calendar day, ISO-8601.", parse_value=_day),
    Decimal: replace(
        DecimalDefinition,
        description='An exact decimal number, as a string: "59.97".',
        parse_value=_decimal,
    ),
    BigInt: strawberry.scalar(
        name="BigInt", description="A whole number that may outgrow 32 bits; a JSON number.", serialize=int
    ),
    ConsistencyToken: strawberry.scalar(
        name="ConsistencyToken",
        description=(
            "An opaque receipt of what a command wrote. Given back to a query, the query reads at least that far."
        ),
        serialize=str,
        parse_value=_text,
    ),
}


def is_id(value: str) -> bool:
    """Return whether this is a UUID as all of them are shown; Python takes braces, URNs and stray dashes too."""
    return _ID.fullmatch(value) is not None


def uuid_of(value: str, argument: str) -> UUID:
    """Return an id from outside; raise BadUserInput where it is none."""
    if not is_id(value):
        raise BadUserInput(f"{argument} must be a UUID, such as 0190b6a4-3c5e-7d2a-9f00-6c1b2a3d4e5f.")
    return UUID(value)
