"""Top-level errors: each has a stable `extensions.code`; what nobody expected is logged whole and answered masked.

Refusals of commands are not here: they are members of the result unions.
"""

import ast
import json
import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.schema.exceptions import CannotGetOperationTypeError

from domain.bus import UnavailableError
from projections.read_pool import UnreachableError
from projections.reads import TooSlowError
from tasks import logs

_LONGEST_MESSAGE = 500
# What may come of any operation, with its code and what to do.
_EXPECTED: Mapping[type[Exception], tuple[str, str]] = {
    UnavailableError: (
        "UNAVAILABLE",
        "The store does not answer, and whether this was done is not known: send it again, with its idempotencyKey.",
    ),
    UnreachableError: ("UNAVAILABLE", "What can be read does not answer at the moment: try again."),
    TooSlowError: (
        "TIMEOUT",
        "This takes too long to find: narrow it, with longer words, a filter, or without totalCount.",
    ),
    CannotGetOperationTypeError: ("BAD_REQUEST", "The document has no operation of the name that operationName says."),
}
_OF_A_VARIABLE = re.compile(r"Variable '\$\w+' has invalid value")
# As graphql-core writes them, at the end of a message or amid it.
_SUGGESTION = re.compile(r" Did you mean [a-z ]*'[^']*'(?:,? (?:or )?'[^']*')*\?")
_PYTHON = re.compile(r"(?<!['\"\w])(None|True|False)(?!['\"\w])")
# After which the value of a variable ends a message, as Python writes it.
_BEFORE_A_VALUE = re.compile(r"(?:[,;.] [fF]ound|(?<= value)): ")
_JSON = {"None": "null", "True": "true", "False": "false"}
log = logging.getLogger(__name__)


class ApiError(GraphQLError):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, extensions={"code": code})


class BadRequest(ApiError):  # noqa: N818 - these are the names of the codes
    def __init__(self, message: str) -> None:
        super().__init__("BAD_REQUEST", message)


class Unauthenticated(ApiError):  # noqa: N818 - as above
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


class RateLimited(ApiError):  # noqa: N818 - as above
    def __init__(self, *, retry_after: int) -> None:
        super().__init__("RATE_LIMITED", f"You have asked for too much of late: try again in {retry_after} seconds.")
        self.retry_after = retry_after


def without_suggestions(errors: Iterable[GraphQLError]) -> None:
    """Take back, in place, what would help to guess a schema."""
    for error in errors:
        error.message = _SUGGESTION.sub("", error.message)


def give_codes(errors: Iterable[GraphQLError], *, executed: bool) -> None:
    """Give every error of an answer its code, in place; mask those that nobody expected."""
    for error in errors:
        if len(error.message) > _LONGEST_MESSAGE:  # which repeats what was sent
            error.message = error.message[:_LONGEST_MESSAGE] + " …"
        if "code" not in (error.extensions or {}):
            code = _code(error, executed=executed)
            error.extensions = {**(error.extensions or {}), "code": code}


def _code(error: GraphQLError, *, executed: bool) -> str:
    if isinstance(error, GraphQLSyntaxError):
        return "GRAPHQL_PARSE_FAILED"
    original = error.original_error
    if original is None or isinstance(original, GraphQLError):  # a value does not fit, or the document does not
        error.message = _in_json(error.message)
        fits_the_schema = executed or _OF_A_VARIABLE.match(error.message)
        return "BAD_USER_INPUT" if fits_the_schema else "GRAPHQL_VALIDATION_FAILED"
    for kind, (code, message) in _EXPECTED.items():
        if isinstance(original, kind):
            error.message = message
            return code
    shown = unexpected(original)
    error.message, error.extensions = shown["message"], {**(error.extensions or {}), **shown["extensions"]}
    return str(shown["extensions"]["code"])


def _in_json(message: str) -> str:
    """Return a message without words of Python; a variable's value is left out unless all of it is told."""
    variable = _OF_A_VARIABLE.match(message)
    start = _BEFORE_A_VALUE.search(message, variable.end() + 1) if variable else None
    if start is None:
        return _without_python(message)
    said, value = message[: start.start()], message[start.end() :]
    end = "." if value.endswith(".") else ""
    told = _as_json(value.removesuffix(end))
    return _without_python(said) + (f"{start[0]}{told}{end}" if told else ".")


def _as_json(value: str) -> str | None:
    """Return what Python wrote as JSON; None where it is not whole, or not of JSON's kinds."""
    if "..." in value or "\\" in value:  # the first stands for what was cut, and amid the second it may be cut
        return None
    try:
        return json.dumps(ast.literal_eval(value), ensure_ascii=False)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):  # as ast has it
        return None


def _without_python(message: str) -> str:
    return _PYTHON.sub(lambda word: _JSON[word[0]], message)


def unexpected(error: BaseException) -> dict[str, Any]:
    """Log what nobody expected, whole; return what is shown of it: the id of its request."""
    name = logs.correlation_id.get() or logs.begin()
    log.error("unexpected_error", exc_info=error)
    return {
        "message": f"Something went wrong here; its number is {name}.",
        "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": name},
    }
