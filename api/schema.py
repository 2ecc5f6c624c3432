"""The GraphQL schema, out of the catalogues of queries and mutations."""

import strawberry
from graphql import GraphQLError, GraphQLInputObjectType, GraphQLNamedType, GraphQLObjectType, Undefined
from strawberry.extensions import MaxTokensLimiter, ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from api.errors import Codes
from api.mutations import Mutation
from api.queries import Query
from api.scalars import SCALARS

MOST_TOKENS = 2000
_DOCUMENTS = 512


class Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: object = None) -> None:
        """Log nothing here: a client's typo is no incident, and what nobody expected is logged where it is masked."""


def create_schema() -> Schema:
    schema = Schema(
        query=Query,
        mutation=Mutation,
        extensions=[
            Codes,
            lambda: MaxTokensLimiter(MOST_TOKENS),
            lambda: ParserCache(_DOCUMENTS),
            lambda: ValidationCache(_DOCUMENTS),
        ],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    for kind in schema._schema.type_map.values():  # noqa: SLF001 - the GraphQL schema has no public name
        _without_null_defaults(kind)
    return schema


def _without_null_defaults(kind: GraphQLNamedType) -> None:
    """Take back the `= null` that a Python default of None becomes: to leave a value out is no value of its own."""
    inputs = list(kind.fields.values()) if isinstance(kind, GraphQLInputObjectType) else []
    if isinstance(kind, GraphQLObjectType):
        inputs = [argument for field in kind.fields.values() for argument in field.args.values()]
    for given in inputs:
        if given.default_value is None:
            given.default_value = Undefined
