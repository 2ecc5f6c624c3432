"""Documents are parsed and validated once, and known again by their text; how many and how long ones is bounded."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from graphql import DocumentNode, GraphQLError, parse
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
            context.graphql_document = (_parsed if _is_short(context.query) else _parse)(context.query)
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if context.query and _is_short(context.query):
            context.pre_execution_errors = _faults(context.query, context.schema, context.validation_rules)
        yield


def _is_short(document: str) -> bool:
    return len(document) <= _LONGEST_REMEMBERED


def _parse(document: str) -> DocumentNode:
    return parse(document, max_tokens=MOST_TOKENS)


_parsed = lru_cache(_REMEMBERED)(_parse)


@lru_cache(_REMEMBERED)
def _faults(document: str, schema: Any, rules: tuple[Any, ...]) -> list[GraphQLError]:
    return validate_document(schema._schema, _parsed(document), rules)  # noqa: SLF001 - as Strawberry calls it
