"""GraphQL over HTTP: one operation a request, for whoever the bearer token names. What is none is told so in JSON."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from api import asked, event_stream, negotiation, outcomes
from api.asked import Asked
from api.auth import Gate, Principal
from api.budgets import Budgets
from api.compiled.queries import Queries
from api.consistency import Consistency
from api.context import Context, Standings
from api.counts import Counts
from api.documents import Documents
from api.errors import ApiError, BadRequest
from api.event_stream import EventStream
from api.freshness import Freshness
from api.history import History
from api.known_documents import UNREADABLE, cost_of
from api.live import Live
from api.operations import CountedReads, NamedOperation
from api.outcomes import MethodNotAllowed
from api.schema import create_schema
from api.streams import Streams, address_of, results
from domain.bus import Bus
from projections.reads import Reads
from tasks import logs

_STOP_SECONDS = 2.0
# A GET changes nothing, whoever makes a browser send it; and one answer is no stream, which a subscription needs.
_ALLOWED = {"GET": {OperationType.QUERY}, "POST": {OperationType.QUERY, OperationType.MUTATION}}


class Endpoint:
    """An ASGI application for one path."""

    def __init__(
        self,
        *,
        gate: Gate,
        bus: Bus,
        reads: Reads,
        consistency: Consistency,
        documents: Documents,
        freshness: Freshness,
        live: Live,
        streams: Streams,
        standings: Standings,
        history: History,
        counts: Counts,
        budgets: Budgets | None = None,
        compiled: bool = True,
        closed: bool = False,
    ) -> None:
        """`compiled`: whether queries that can be planned are; `closed`: whether its schema is kept from strangers."""
        self._schema = create_schema(NamedOperation, CountedReads, closed=closed, limits=streams.bounds.documents)
        self.queries = Queries(self._schema) if compiled else None
        self.gate = gate
        self._bus = bus
        self._reads = reads
        self._consistency = consistency
        self._documents = documents
        self._freshness = freshness
        self._live = live
        self.streams = streams
        self.standings = standings
        self._history = history
        self._counts = counts
        self.budgets = budgets

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Hear how far projections are, and let go of connections at the end."""
        works = [self._consistency.listen(), self._live.look(), self.gate.watch()]
        if self.budgets:
            works.append(self.budgets.keep_settling())
        tasks = {asyncio.create_task(work) for work in works}
        async with self._freshness:
            yield
        self._consistency.stop()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=_STOP_SECONDS)
        await self._documents.close()
        if self.budgets:
            await self.budgets.close()
        self.standings.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        name = logs.begin(request.headers.get("x-request-id"))
        accept = request.headers.get("accept")
        media_type = negotiation.answer_type(accept)
        try:
            if request.method == "POST" and event_stream.is_wanted(accept):
                response = await self._events(request)
            elif media_type is None:
                takes = f"{negotiation.GRAPHQL_RESPONSE}, {negotiation.JSON} or, with a POST, {event_stream.MEDIA_TYPE}"
                response = outcomes.refusal([ApiError("NOT_ACCEPTABLE", f"Accept {takes}.")], negotiation.JSON)
            else:
                response = await self._answer(request, media_type)
        except ClientDisconnect:  # amid its body, or dropped as that did not come in time: nobody is there to answer
            return
        response.raw_headers.append((b"x-request-id", name.encode()))
        await response(scope, receive, send)

    async def _answer(self, request: Request, media_type: str) -> Response:
        try:
            principal = await self._principal(request)
            wanted = await asked.read(request)
            context = self._context(principal)
            document = await self._documents.text_of(wanted)
            spent = self._spent(document, wanted, principal, address_of(request.scope))
            result = await self._planned(document, wanted, context)
            if result is None:
                result = await self._execute(request.method, document, wanted, context)
        except ApiError as error:
            return outcomes.refusal([error], media_type)
        if outcomes.was_executed(result):
            await self._documents.keep(wanted)
        return outcomes.answer(result, media_type, {"freshness": self._freshness.of(context.shown), **spent})

    def _spent(self, document: str, wanted: Asked, principal: Principal, address: str) -> Mapping[str, Any]:
        """Return what an answer's extensions tell of its cost; raise ApiError for what is too much.

        This is before a document is validated or planned, and the same whatever way it came, and is carried out.
        """
        try:
            cost = cost_of(document, self._schema, wanted.operation_name, wanted.variables)
        except ApiError:
            if self.budgets:
                self.budgets.spend(principal, address, UNREADABLE)
            raise
        return {"cost": self.budgets.spend(principal, address, cost)} if self.budgets else {}

    async def _planned(self, document: str, wanted: Asked, context: Context) -> ExecutionResult | None:
        return await self.queries.execute(document, wanted, context) if self.queries else None

    async def _execute(self, method: str, document: str, wanted: Asked, context: Context) -> ExecutionResult:
        try:
            return await self._schema.execute(
                document,
                variable_values=wanted.variables,
                operation_name=wanted.operation_name,
                context_value=context,
                allowed_operation_types=_ALLOWED[method],
            )
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.MUTATION:
                raise MethodNotAllowed("A mutation changes something: send it as a POST.", allow="POST") from error
            raise BadRequest("A subscription needs a stream, which this request does not ask for.") from error
        except CannotGetOperationTypeError as error:
            raise BadRequest("The document has no operation of the name that operationName says.") from error

    async def _events(self, request: Request) -> Response:
        try:
            wanted = await asked.read(request)
            principal = await self._principal(request)
            address = address_of(request.scope)
            self.streams.require_room(address)
        except ApiError as error:
            return outcomes.refusal([error], negotiation.JSON)
        answers = self.stream(wanted, principal, address)
        return EventStream(answers, streams=self.streams, expires_at=principal.expires_at)

    async def stream(self, wanted: Asked, principal: Principal, address: str) -> AsyncGenerator[ExecutionResult, None]:
        """Run an operation of any kind; a query's or mutation's results are one."""
        context = self._context(principal)
        try:
            document = await self._documents.text_of(wanted)
            told = self._spent(document, wanted, principal, address)
        except ApiError as error:
            yield PreExecutionError(data=None, errors=[error])
            return
        async with aclosing(results(self._schema, document, wanted, context)) as answers:
            async for answer in answers:
                if context.shown:
                    told = {**told, "freshness": self._freshness.of(context.shown)}
                if told and not isinstance(answer, PreExecutionError):
                    answer.extensions = {**(answer.extensions or {}), **told}
                yield answer
                told = {}

    async def _principal(self, request: Request) -> Principal:
        return await self.gate.principal_of(request.headers.get("authorization"))

    def _context(self, principal: Principal) -> Context:
        return Context(
            principal=principal,
            bus=self._bus,
            reads=self._reads,
            consistency=self._consistency,
            live=self._live,
            standings=self.standings,
            history=self._history,
            counts=self._counts,
        )
