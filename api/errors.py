"""Top-level errors: each has a stable `extensions.code`; what nobody expected is logged whole and answered masked.

Refusals of commands are not here: they are members of the result unions.
"""

import logging
from collections.abc import Iterator
from uuid import uuid4

from graphql import GraphQLError, GraphQLSyntaxError
from graphql.execution import ExecutionResult as GraphQLExecutionResult
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionResult

from domain.bus import UnavailableError

log = logging.getLogger(__name__)


class ApiError(GraphQLError):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, extensions={"code": code})


class Unauthenticated(ApiError):  # noqa: N818 - these are the names of the codes
    def __init__(self, message: str = "Sign in first: send the header Authorization: Bearer <token>.") -> None:
        super().__init__("UNAUTHENTICATED", message)


class Forbidden(ApiError):  # noqa: N818 - as above
    def __init__(self, message: str = "You are signed in, but not allowed to do this.") -> None:
        super().__init__("FORBIDDEN", message)


class BadUserInput(ApiError):  # noqa: N818 - as above
    def __init__(self, message: str) -> None:
        super().__init__("BAD_USER_INPUT", message)


class StaleRead(ApiError):  # noqa: N818 - as above
    def __init__(self) -> None:
        super().__init__(
            "STALE_READ", "What you wrote is stored, but not shown here yet: ask again with the same token."
        )


def unavailable() -> ApiError:
    return ApiError(
        "UNAVAILABLE",
        "The store does not answer, and whether this was done is not known: send it again, with its idempotencyKey.",
    )


class Codes(SchemaExtension):
    """Gives every error of an answer its code."""

    def on_operation(self) -> Iterator[None]:
        yield
        result = self.execution_context.result
        if isinstance(result, GraphQLExecutionResult | ExecutionResult) and result.errors:
            result.errors = [_coded(error) for error in result.errors]


def _coded(error: GraphQLError) -> GraphQLError:
    if error.extensions and "code" in error.extensions:
        return error
    if isinstance(error, GraphQLSyntaxError):
        return _like(error, "GRAPHQL_PARSE_FAILED")
    original = error.original_error
    if original is None or isinstance(original, GraphQLError):
        # With a path, a value did not fit while resolving; without one, the document or its variables are at fault.
        return _like(error, "BAD_USER_INPUT" if error.path or "$" in error.message else "GRAPHQL_VALIDATION_FAILED")
    if isinstance(original, UnavailableError):
        return _replaced(error, unavailable())
    reference = uuid4().hex
    log.error("unexpected error %s", reference, exc_info=original)
    return _replaced(error, ApiError("INTERNAL_SERVER_ERROR", f"Something went wrong here; its number is {reference}."))


def _like(error: GraphQLError, code: str) -> GraphQLError:
    error.extensions = {**(error.extensions or {}), "code": code}
    return error


def _replaced(error: GraphQLError, by: ApiError) -> GraphQLError:
    return GraphQLError(by.message, nodes=error.nodes, path=error.path, extensions=by.extensions)
