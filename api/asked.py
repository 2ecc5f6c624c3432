"""What a request asks, read from the body of a POST or the query string of a GET, within bounds."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import orjson
from starlette.requests import Request

from api.errors import ApiError, BadRequest
from api.negotiation import is_json
from api.outcomes import MethodNotAllowed

LONGEST_BODY = 64 * 1024  # an order of 200 lines has some 20 KiB
LONGEST_QUERY_STRING = 16 * 1024
_NAMES = (b'"query"', b'"variables"', b'"operationName"', b'"extensions"', b'"documentId"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A GraphQL request. What may be left out is None, also where it was given as null, or, in a URL, as nothing."""

    query: str | None
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] | None
    document_id: str | None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Return what the fields of a request ask; those that are not known here are passed over."""
        return cls(
            query=_field(given, "query", str) or None,
            variables=_field(given, "variables", dict),
            operation_name=_field(given, "operationName", str) or None,
            extensions=_field(given, "extensions", dict),
            document_id=_field(given, "documentId", str) or None,
        )


async def read(request: Request) -> Asked:
    """Return what is asked; raise ApiError for what is no request."""
    if request.method == "POST":
        return await _from_body(request)
    if request.method == "GET":
        if request.headers.get("sec-fetch-site") == "cross-site":
            raise ApiError("FORBIDDEN", "Pages of another site may not make a browser ask here: send a POST.")
        return _from_query_string(request)
    raise MethodNotAllowed("Send a POST, or a GET for a query.", allow="GET, POST")


async def _from_body(request: Request) -> Asked:
    headers = request.headers
    if not is_json(headers.get("content-type")):
        raise ApiError("UNSUPPORTED_MEDIA_TYPE", "Send the header Content-Type: application/json.")
    if headers.get("content-encoding", "identity") != "identity":
        raise ApiError("UNSUPPORTED_MEDIA_TYPE", "Send the body as it is, without a Content-Encoding.")
    given = await _bounded(request)
    body = _json(given, "The body")
    if b"\\u" in given or any(given.count(name) > 1 for name in _NAMES):
        _refuse_twins(given)
    if not isinstance(body, Mapping):
        raise BadRequest('The body must be a JSON object like {"query": "{ products { totalCount } }"}.')
    return Asked.of(body)


def _from_query_string(request: Request) -> Asked:
    if len(request.scope["query_string"]) > LONGEST_QUERY_STRING:
        raise ApiError("URI_TOO_LONG", f"A query string has at most {LONGEST_QUERY_STRING} bytes: send a POST.")
    given = request.query_params.multi_items()
    if repeated := [name for name, times in Counter(name for name, _ in given).items() if times > 1]:
        raise BadRequest(f"The parameter {repeated[0][:40]} is given more than once.")
    parameters: dict[str, Any] = {name: value for name, value in given if value}
    for name in ("variables", "extensions"):
        if name in parameters:
            parameters[name] = _json(parameters[name], f"The parameter {name}")
    return Asked.of(parameters)


async def _bounded(request: Request) -> bytes:
    """Return the body; refuse one that is longer than any request needs before all of it has come."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            raise ApiError("PAYLOAD_TOO_LARGE", f"The body must have at most {LONGEST_BODY} bytes.")
    return bytes(body)


def _refuse_twins(body: bytes) -> None:
    """Refuse an object that has a name twice: whoever looked at it on its way may have taken the other one.

    It is looked for only where a name of ours may be twice, since that takes longer than all else here.
    """

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise BadRequest("The body has an object with one name twice: give each once.")
        return found

    try:
        json.loads(body, object_pairs_hook=members)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The body is not JSON.") from error


def _json(data: str | bytes, what: str) -> object:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"{what} is not JSON.") from error


def _field(given: Mapping[str, Any], name: str, kind: type) -> Any:
    value = given.get(name)
    if value is not None and not isinstance(value, kind):
        raise BadRequest(f"The field {name} must be {'a string' if kind is str else 'an object'}.")
    return value
