"""GraphQL over HTTP: one operation a POST, for whoever the bearer token names. What is none is told so in JSON."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import orjson
from cross_web import HTTPException
from graphql import OperationDefinitionNode
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send
from strawberry.asgi import GraphQL
from strawberry.extensions import SchemaExtension
from strawberry.http import GraphQLRequestData

from api.auth import authenticate
from api.consistency import Consistency
from api.context import Context, Reads, Standings
from api.errors import ApiError, Unauthenticated
from api.schema import create_schema
from api.settings import AuthSettings
from domain.bus import Bus

LONGEST_BODY = 256 * 1024  # an order of 200 lines has some 20 KiB


class BadRequest(HTTPException):
    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(status, reason)


class Endpoint(GraphQL[Context, None]):
    def __init__(
        self,
        *,
        auth: AuthSettings,
        bus: Bus,
        reads: Reads,
        consistency: Consistency,
        standings: Standings,
    ) -> None:
        super().__init__(
            create_schema(NamedOperation), graphql_ide=None, allow_queries_via_get=False, subscription_protocols=()
        )
        self._auth = auth
        self._bus = bus
        self._reads = reads
        self._consistency = consistency
        self._standings = standings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, _limited(receive))
        response: Response
        try:
            if request.method != "POST":
                response = _refusal(405, "METHOD_NOT_ALLOWED", "Send a POST.", {"Allow": "POST"})
            else:
                response = await self.run(request)
        except Unauthenticated as error:
            response = _refusal(401, "UNAUTHENTICATED", error.message, {"WWW-Authenticate": "Bearer"})
        except HTTPException as error:
            response = _refusal(error.status_code, "BAD_REQUEST", error.reason)
        await response(scope, receive, send)

    async def get_context(self, request: Any, response: Any) -> Context:  # noqa: ARG002 - the base's signature
        return Context(
            principal=authenticate(request.headers.get("authorization"), self._auth),
            correlation_id=str(uuid4()),
            bus=self._bus,
            reads=self._reads,
            consistency=self._consistency,
            standings=self._standings,
        )

    async def parse_http_body(self, request: Any) -> GraphQLRequestData:
        if (request.content_type or "").partition(";")[0].strip().lower() != "application/json":
            raise BadRequest("Send the header Content-Type: application/json.", 415)
        body = self.decode_json(await request.get_body())
        if not isinstance(body, Mapping):
            raise BadRequest('The body must be a JSON object like {"query": "{ products { totalCount } }"}.')
        query = _field(body, "query", str)
        if not query:
            raise BadRequest("The field query is missing: it holds the GraphQL document.")
        return GraphQLRequestData(
            query=query,
            variables=_field(body, "variables", dict),
            operation_name=_field(body, "operationName", str),
            extensions=_field(body, "extensions", dict),
            protocol="http",
        )

    def decode_json(self, data: str | bytes) -> object:
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise BadRequest("The body is not JSON.") from error

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)


class NamedOperation(SchemaExtension):
    """Refuses a document without an operation, and one of several that does not say which: none is the first choice."""

    def on_parse(self) -> Iterator[None]:
        yield
        context = self.execution_context
        document = context.graphql_document
        if document is None:
            return
        operations = sum(isinstance(definition, OperationDefinitionNode) for definition in document.definitions)
        if operations == 0:
            raise ApiError("BAD_REQUEST", "The document holds no operation, such as { products { totalCount } }.")
        # No public name tells an operation's name that was given from one that was found.
        if operations > 1 and not context._provided_operation_name:  # noqa: SLF001
            raise ApiError("BAD_REQUEST", "The document has several operations: say with operationName which to run.")


def _limited(receive: Receive) -> Receive:
    """Refuse a body that is longer than any request needs, before all of it has come."""
    length = 0

    async def limited() -> Message:
        nonlocal length
        message = await receive()
        length += len(message.get("body", b""))
        if length > LONGEST_BODY:
            raise BadRequest(f"The body must have at most {LONGEST_BODY} bytes.", 413)
        return message

    return limited


def _field(body: Mapping[str, Any], name: str, kind: type) -> Any:
    value = body.get(name)
    if value is not None and not isinstance(value, kind):
        raise BadRequest(f"The field {name} must be {'a string' if kind is str else 'an object'}.")
    return value


def _refusal(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"errors": [{"message": message, "extensions": {"code": code}}]}, status, headers)
