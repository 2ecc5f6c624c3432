"""Planned queries: which documents are some, and how one is carried out."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLResolveInfo,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    located_error,
    visit,
)
from graphql.execution.values import VariableValues
from strawberry import Info
from strawberry.types import ExecutionResult

from api.asked import Asked
from api.compiled.arguments import Variables
from api.compiled.parts import UnplannedError
from api.compiled.planning import Planner
from api.compiled.plans import Root
from api.context import Context
from api.errors import give_codes
from api.known_documents import valid
from api.reading import PageShape, Shape
from api.schema import Schema
from api.shown import Kind

MOST_PLANS = 16  # of an operation: one for each way in which its @skip and @include turn out

Roots = Mapping[str, Root | str]


@dataclass(frozen=True, slots=True)
class Planned:
    """Stands for graphql-core's own info before the resolver of a field that is planned."""

    context: Context
    root: Root
    path: None = None

    @property
    def types(self) -> frozenset[str]:
        return self.root.types

    def shape(self, kind: type[Kind]) -> Shape:
        return self.root.objects[kind]

    def page_shape(self) -> PageShape:
        if self.root.pages is None:
            raise UnplannedError
        return self.root.pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A query of a valid document, with what was planned of it."""

    node: OperationDefinitionNode
    variables: Variables
    fragments: Mapping[str, FragmentDefinitionNode]
    deciding: tuple[str, ...]
    """The variables that its @skip and @include depend on."""
    plans: dict[tuple[Any, ...], Roots | None] = field(default_factory=dict)


class Queries:
    """Carries out the queries that can be planned, and knows of all others that they cannot."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.counts = {"compiled": 0, "hit": 0, "miss": 0}
        """How many queries a plan has answered, and how many looks for a plan found one, or that there is none."""

    async def execute(self, document: str, asked: Asked, context: Context) -> ExecutionResult | None:
        """Return what a query comes to; None where Strawberry has to carry it out, or to say what is wrong with it."""
        operation = self._operation(document, asked.operation_name)
        if operation is None:
            return None
        variables = operation.variables.coerce(asked.variables or {})
        roots = self._plan(operation, variables) if variables else None
        if variables is None or roots is None:
            return None
        try:
            answer = await _answer(roots, variables, context)
        except UnplannedError:
            return None
        self.counts["compiled"] += 1
        return answer

    def _operation(self, document: str, name: str | None) -> Operation | None:
        known = valid(document, self._schema)
        if known is None:
            return None
        found: Operation | None = known.operations.get(name)
        if found is None and (node := _query(known.document, name)):
            found = known.operations[name] = self._read(known.document, node)
        return found

    def _read(self, document: DocumentNode, operation: OperationDefinitionNode) -> Operation:
        fragments = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
        return Operation(
            node=operation,
            variables=Variables(self._schema._schema, operation.variable_definitions or ()),  # noqa: SLF001 - no public name
            fragments={each.name.value: each for each in fragments},
            deciding=_deciding(document),
        )

    def _plan(self, operation: Operation, variables: VariableValues) -> Roots | None:
        decided = tuple([variables.coerced.get(name) for name in operation.deciding])
        is_known = decided in operation.plans
        self.counts["hit" if is_known else "miss"] += 1
        if not is_known:
            if len(operation.plans) == MOST_PLANS:
                return None
            planner = Planner(self._schema, operation.node, operation.fragments, variables)
            try:
                operation.plans[decided] = planner.roots()
            except UnplannedError:
                operation.plans[decided] = None
        return operation.plans[decided]


async def _answer(roots: Roots, variables: VariableValues, context: Context) -> ExecutionResult:
    """Run the resolvers of all fields at once. A null that a field may not be makes null of the whole answer."""
    fields = [root for root in roots.values() if isinstance(root, Root)]
    resolving = [_resolve(root, variables, context) for root in fields]
    outcomes = [await resolving[0]] if len(resolving) == 1 else await asyncio.gather(*resolving)
    errors = {root.key: found for root, found in zip(fields, outcomes, strict=True) if isinstance(found, GraphQLError)}
    give_codes(errors.values(), executed=True)
    if any(root.key in errors and not root.nullable for root in fields):
        return ExecutionResult(data=None, errors=list(errors.values()))
    shown = dict(zip([root.key for root in fields], outcomes, strict=True)) | dict.fromkeys(errors)
    data = {key: root if isinstance(root, str) else shown[key] for key, root in roots.items()}
    return ExecutionResult(data=data, errors=list(errors.values()) or None)


async def _resolve(root: Root, variables: VariableValues, context: Context) -> Any:
    """Return what a field answers, or the error that it ended with."""
    info = Info(cast("GraphQLResolveInfo[Any]", Planned(context, root)), root.field)
    try:
        return await root.resolve(info=info, **root.arguments.values(variables))
    except UnplannedError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, as graphql-core does
        return located_error(error, root.nodes, [root.key])


def _query(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """Return the query that is meant, if it is one and no other is."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    meant = [each for each in operations if name is None or (each.name and each.name.value == name)]
    if len(meant) != 1 or meant[0].operation is not OperationType.QUERY:
        return None
    return meant[0]


def _deciding(document: DocumentNode) -> tuple[str, ...]:
    """Return the variables that directives of a document are given."""

    class Deciding(Visitor):
        def __init__(self) -> None:
            super().__init__()
            self.names: dict[str, None] = {}

        def enter_directive(self, node: Any, *_: Any) -> None:
            for argument in node.arguments or ():
                if isinstance(argument.value, VariableNode):
                    self.names[argument.value.name.value] = None

    found = Deciding()
    visit(document, found)
    return tuple(found.names)
