"""The GraphQL schema, out of the catalogues of queries, mutations and subscriptions."""

from typing import Any

import strawberry
from graphql import (
    ASTValidationRule,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    NoSchemaIntrospectionCustomRule,
    Undefined,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.execution import ExecutionContext, PreExecutionError

from api.cost import Limits
from api.dispatch import keep_as_sent
from api.errors import give_codes, without_suggestions
from api.known_documents import KnownDocuments
from api.mutations import Mutation
from api.queries import Query
from api.scalars import SCALARS
from api.subscriptions import Subscription


class Executor(StrawberryGraphQLCoreExecutionContext):
    def build_per_event_executor(self, payload: Any) -> Any:
        """Let each result of a subscription forget which fields it has; graphql-core 3.3 keeps them while it lasts."""
        executor = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}  # noqa: SLF001 - it has no public name
        return executor


class Schema(strawberry.Schema):
    rules: tuple[type[ASTValidationRule], ...] = ()
    """What a document must obey beside GraphQL's own rules."""
    closed = False
    limits = Limits()

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Give errors their codes, and log none but those that nobody expected: a client's typo is no incident."""
        if self.closed:
            without_suggestions(errors)
        result = execution_context.result if execution_context else None
        give_codes(errors, executed=result is not None and not isinstance(result, PreExecutionError))


def create_schema(*extensions: type[SchemaExtension], closed: bool = False, limits: Limits | None = None) -> Schema:
    """Return the schema; a `closed` one tells nobody what it holds, and suggests nothing to who guesses."""
    schema = Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        extensions=[*extensions, KnownDocuments],
        execution_context_class=Executor,
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    schema.limits = limits or Schema.limits
    if closed:
        schema.closed, schema.rules = True, (NoSchemaIntrospectionCustomRule,)
    for kind in schema._schema.type_map.values():  # noqa: SLF001 - the GraphQL schema has no public name
        _without_null_defaults(kind)
        keep_as_sent(kind)
    return schema


def _without_null_defaults(kind: GraphQLNamedType) -> None:
    """Take back the `= null` that a Python default of None becomes: to leave a value out is no value of its own."""
    inputs = list(kind.fields.values()) if isinstance(kind, GraphQLInputObjectType) else []
    if isinstance(kind, GraphQLObjectType):
        inputs = [argument for field in kind.fields.values() for argument in field.args.values()]
    for given in inputs:
        if given.default_value is None:
            given.default_value = Undefined
