"""Documents are parsed and validated once, and known again by their text; how many and how long ones is bounded."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from graphql import ASTValidationRule, DocumentNode, GraphQLError, GraphQLSyntaxError, parse, specified_rules
from strawberry import Schema
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document

MOST_TOKENS = 2000
_REMEMBERED = 512
_LONGEST_REMEMBERED = 16 * 1024  # characters


class KnownDocuments(SchemaExtension):
    """Limits the tokens of a document, and remembers what was found out about it.

    Strawberry's own caches know a document by its tree, and to hash that costs more than all else that they do.
    """

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        if context.query:
            context.graphql_document = (_parsed if is_short(context.query) else _parse)(context.query)
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if context.query and is_short(context.query):
            context.pre_execution_errors = _faults(context.query, context.schema)
        else:
            context.validation_rules = _rules(context.schema)
        yield


def is_short(document: str) -> bool:
    """Return whether a document is short enough to be remembered."""
    return len(document) <= _LONGEST_REMEMBERED


def valid(document: str, schema: Schema) -> DocumentNode | None:
    """Return a short document, parsed; None if there is anything wrong with it."""
    try:
        return None if _faults(document, schema) else _parsed(document)
    except GraphQLSyntaxError:
        return None


def _parse(document: str) -> DocumentNode:
    return parse(document, max_tokens=MOST_TOKENS)


_parsed = lru_cache(_REMEMBERED)(_parse)


@lru_cache(_REMEMBERED)
def _faults(document: str, schema: Any) -> list[GraphQLError]:
    return validate_document(schema._schema, _parsed(document), _rules(schema))  # noqa: SLF001 - as Strawberry calls it


def _rules(schema: Any) -> tuple[type[ASTValidationRule], ...]:
    """Return what a document of a schema must obey: GraphQL's own rules, and those that the schema has beside them."""
    return (*specified_rules, *getattr(schema, "rules", ()))
