"""The contract's own scalars, and ids as they come from outside."""

from typing import NewType
from uuid import UUID

import strawberry

from api.errors import BadUserInput

ConsistencyToken = NewType("ConsistencyToken", str)

CONSISTENCY_TOKEN = strawberry.scalar(
    name="ConsistencyToken",
    description="An opaque receipt of what a command wrote. Given back to a query, the query reads at least that far.",
    serialize=str,
    parse_value=lambda value: value if isinstance(value, str) else _refuse(),
)


def uuid_of(value: str, argument: str) -> UUID:
    """Return an id from outside; raise BadUserInput where it is none."""
    try:
        return UUID(value)
    except ValueError as error:
        raise BadUserInput(f"{argument} must be a UUID, such as 0190b6a4-3c5e-7d2a-9f00-6c1b2a3d4e5f.") from error


def _refuse() -> ConsistencyToken:
    raise ValueError("A consistency token is a string.")
