"""What a request came to, and how HTTP says it: one table from the codes of errors to status codes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from graphql import GraphQLError
from starlette.responses import Response
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from api.errors import ApiError, RateLimited
from api.negotiation import GRAPHQL_RESPONSE, JSON


class Status(NamedTuple):
    """The status code of an answer, by the media type that it is given in.

    A client that takes `application/json` alone takes a 4xx for the word of a proxy, and never reads the errors in it.
    """

    graphql: int
    json: int


# An operation that was carried out: what went wrong in it stands in its errors. (The draft thinks of 294 for some.)
EXECUTED = Status(200, 200)
# A document or variables that no operation can be made of, for any reason that has no line of its own.
REFUSED = Status(400, 200)
NOT_EXECUTED = {
    # extensions.code: application/graphql-response+json, application/json
    "GRAPHQL_PARSE_FAILED": REFUSED,
    "GRAPHQL_VALIDATION_FAILED": REFUSED,
    "BAD_USER_INPUT": REFUSED,
    "PERSISTED_QUERY_NOT_FOUND": REFUSED,
    "PERSISTED_QUERY_NOT_SUPPORTED": REFUSED,
    "BAD_REQUEST": Status(400, 400),
    "DOCUMENT_TOO_COMPLEX": Status(400, 400),
    "UNAUTHENTICATED": Status(401, 401),
    "FORBIDDEN": Status(403, 403),
    "QUERY_NOT_IN_SAFELIST": Status(403, 403),
    "PERSISTED_QUERY_NOT_IN_LIST": Status(404, 404),
    "METHOD_NOT_ALLOWED": Status(405, 405),
    "NOT_ACCEPTABLE": Status(406, 406),
    "PAYLOAD_TOO_LARGE": Status(413, 413),
    "URI_TOO_LONG": Status(414, 414),
    "UNSUPPORTED_MEDIA_TYPE": Status(415, 415),
    "TOO_MANY_STREAMS": Status(429, 429),
    "RATE_LIMITED": Status(429, 429),
    "INTERNAL_SERVER_ERROR": Status(500, 500),
    "OVERLOADED": Status(503, 503),
}

_CONTENT_TYPES = {GRAPHQL_RESPONSE: f"{GRAPHQL_RESPONSE}; charset=utf-8", JSON: JSON}
# An answer is for whoever asked, and no page, whatever a browser takes it for.
SAFE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_RAW_HEADERS = {
    media_type: [
        (name.lower().encode(), value.encode()) for name, value in {**SAFE, "Content-Type": content_type}.items()
    ]
    for media_type, content_type in _CONTENT_TYPES.items()
}
_HEADERS = {
    "UNAUTHENTICATED": {"WWW-Authenticate": "Bearer"},
    "OVERLOADED": {"Retry-After": "5"},
    "TOO_MANY_STREAMS": {"Retry-After": "5"},
}


class MethodNotAllowed(ApiError):  # noqa: N818 - as the codes are named
    def __init__(self, message: str, *, allow: str) -> None:
        super().__init__("METHOD_NOT_ALLOWED", message)
        self.allow = allow


def was_executed(result: ExecutionResult) -> bool:
    """Return whether an operation ran; where its variables do not fit, it did not, and no error has a path."""
    if isinstance(result, PreExecutionError):
        return False
    return result.data is not None or any(error.path is not None for error in result.errors or ())


def answer(result: ExecutionResult, media_type: str, extensions: Mapping[str, Any]) -> Response:
    """Return what is answered to an operation, or to a document that is none."""
    if not was_executed(result):
        return refusal(result.errors or (), media_type)
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    body["extensions"] = {**(result.extensions or {}), **extensions}
    return _response(body, EXECUTED, media_type)


def refusal(errors: "list[GraphQLError] | tuple[GraphQLError, ...]", media_type: str) -> Response:
    """Return what is answered where no operation ran: there is no data entry, not even null."""
    [first, *_] = errors
    code = str((first.extensions or {}).get("code"))
    response = _response({"errors": [error.formatted for error in errors]}, NOT_EXECUTED.get(code, REFUSED), media_type)
    response.headers.update(_HEADERS.get(code, {}))
    if isinstance(first, MethodNotAllowed):
        response.headers["Allow"] = first.allow
    if isinstance(first, RateLimited):
        response.headers["Retry-After"] = str(first.retry_after)
    return response


class _Answer(Response):
    """A response whose headers are made once, not for each."""

    def __init__(self, body: bytes, status_code: int, media_type: str) -> None:
        self.body, self.status_code, self.background = body, status_code, None
        self.raw_headers = [*_RAW_HEADERS[media_type], (b"content-length", b"%d" % len(body))]


def _response(body: Mapping[str, Any], status: Status, media_type: str) -> Response:
    code = status.graphql if media_type == GRAPHQL_RESPONSE else status.json
    return _Answer(orjson.dumps(body), code, media_type)
