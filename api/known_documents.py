"""Documents are parsed, measured and validated once, and known again by their text; what is remembered is bounded."""

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSyntaxError,
    Token,
    TokenKind,
    parse,
    specified_rules,
    validate,
)
from strawberry import Schema
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from api import cost
from api.cost import Cost, DocumentTooComplex, Limits

_MOST_FAULTS = 5
_LONGEST_NUMBER = 1000
_LONG_NUMBER = re.compile(f"[0-9]{{{_LONGEST_NUMBER + 1}}}")
_REMEMBERED = 256 * 1024  # characters; what is known of each takes some 30 to 200 bytes
UNREADABLE = 10
"""What a document costs that is none."""


class Known:
    """A document of a schema, with what was found out about it."""

    def __init__(self, text: str, schema: Any) -> None:
        """Raise GraphQLSyntaxError for what is none, DocumentTooComplex for what asks too much, whatever it means."""
        self._schema = schema
        self.limits: Limits = getattr(schema, "limits", Limits())
        self.document = _parse(text, self.limits)
        self._costs: Mapping[str | None, Cost] = cost.costs(self.document, schema._schema, self.limits)  # noqa: SLF001 - no public name
        self.operations: dict[str | None, Any] = {}
        """What was planned of its operations, by the name that was asked for."""

    @cached_property
    def faults(self) -> list[GraphQLError]:
        """What is wrong with it, as far as it takes to see that it is."""
        own = getattr(self._schema, "rules", ())
        rules = (*specified_rules, *own, MaybeNullValidationRule, OneOfInputValidationRule)
        return validate(self._schema._schema, self.document, rules, max_errors=_MOST_FAULTS)  # noqa: SLF001 - as above

    def cost(self, operation: str | None, variables: Mapping[str, Any]) -> int:
        """Return what an operation costs, or the dearest where none of that name is there; raise DocumentTooComplex."""
        meant = self._costs.get(operation)
        asked = [meant] if meant else list(self._costs.values())
        return cost.required(max([1, *(each.of(variables) for each in asked)]), self.limits)


class Memory:
    """What is known of documents; those used longest ago are forgotten when all together are too long."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.characters = 0
        self._known: OrderedDict[tuple[str, Any], Known] = OrderedDict()

    def recall(self, text: str, schema: Any) -> Known:
        key = text, schema
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = Known(text, schema)
            self.characters += len(text)
            while self.characters > self._most:
                (forgotten, _), _ = self._known.popitem(last=False)
                self.characters -= len(forgotten)
        else:
            self._known.move_to_end(key)
        return known

    def clear(self) -> None:
        self.characters = 0
        self._known.clear()


_memory = Memory(_REMEMBERED)
recall = _memory.recall


class KnownDocuments(SchemaExtension):
    """Remembers what was found out about a document.

    Strawberry's own caches know a document by its tree, and to hash that costs more than all else that they do.
    """

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        if context.query:
            context.graphql_document = recall(context.query, context.schema).document
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if context.query:
            context.pre_execution_errors = recall(context.query, context.schema).faults
        yield


def valid(document: str, schema: Schema) -> Known | None:
    """Return what is known of a document; None if there is anything wrong with it."""
    try:
        known = recall(document, schema)
    except GraphQLSyntaxError:
        return None
    return None if known.faults else known


def cost_of(document: str, schema: Schema, operation: str | None, variables: Mapping[str, Any] | None) -> int:
    """Return what a request costs; raise DocumentTooComplex where that is more than any may."""
    try:
        known = recall(document, schema)
    except GraphQLSyntaxError:
        return UNREADABLE
    return known.cost(operation, variables or {})


def _parse(text: str, limits: Limits) -> DocumentNode:
    if len(text) > limits.characters:
        raise DocumentTooComplex(
            f"The document has {len(text)} characters, and may have {limits.characters}: send values as variables."
        )
    try:
        document = parse(text, max_tokens=limits.tokens)
    except GraphQLSyntaxError as error:
        if "Parsing aborted" in error.message:  # which has no class of its own
            raise DocumentTooComplex(f"The document may have {limits.tokens} tokens, and has more.") from error
        raise
    if _LONG_NUMBER.search(text) and any(_is_long_number(token) for token in _tokens(document)):
        raise DocumentTooComplex("The document has a number of more than 1000 digits: no field takes one.")
    _untie(document)
    return document


def _tokens(document: DocumentNode) -> Iterator[Token]:
    token = document.loc.start_token if document.loc else None
    while token is not None:
        yield token
        token = token.next


def _untie(document: DocumentNode) -> None:
    """Let tokens not hold each other: else what is forgotten stays until the collector comes by, which is seldom."""
    for token in list(_tokens(document)):
        token.prev = token.next = None


def _is_long_number(token: Token) -> bool:
    """Return whether Python would not read it, which graphql-core takes for a fault of the server."""
    return token.kind in {TokenKind.INT, TokenKind.FLOAT} and token.end - token.start > _LONGEST_NUMBER
