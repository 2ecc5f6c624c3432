"""From the fields of a query to the shapes of their answers. What shows no rows cannot be planned, and is not."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any, cast

from graphql import (
    FragmentDefinitionNode,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLLeafType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLString,
    OperationDefinitionNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution.collect_fields import FieldDetailsList, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from sqlalchemy import BigInteger
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from api.compiled import parts, plans
from api.compiled.arguments import Arguments
from api.compiled.parts import Leaf, Part, UnplannedError
from api.compiled.plans import CURSOR, TYPENAME, Objects, Pages, Root
from api.pagination import Page
from api.schema import Schema
from api.selection import Selection, column_of
from api.shown import Column, Entries, Kind, Nested, Shown
from api.types.connections import Connection

_INT = range(-(1 << 31), 1 << 31)
_SCALARS = {
    "ID": Leaf(as_they_are=frozenset({str}), convert=str),
    "String": Leaf(as_they_are=frozenset({str}), convert=GraphQLString.coerce_output_value),
    "Boolean": Leaf(as_they_are=frozenset({bool}), convert=GraphQLBoolean.coerce_output_value),
    "Int": Leaf(as_they_are=frozenset({int}), within=_INT, convert=GraphQLInt.coerce_output_value),
    "BigInt": Leaf(as_they_are=frozenset({int}), convert=int),
    "Decimal": Leaf(as_they_are=frozenset({str}), convert=str),  # text is how JSON has amounts
    "DateTime": Leaf(as_they_are=frozenset({datetime}), convert=datetime.isoformat),
    "Date": Leaf(as_they_are=frozenset({date}), convert=date.isoformat),
    "JSON": Leaf(as_they_are=frozenset({dict, list, str, int, float, bool}), convert=lambda value: value),
}


class Planner:
    """Plans an operation, for the values that its @skip and @include have."""

    def __init__(
        self,
        schema: Schema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: VariableValues,
    ) -> None:
        self._schema = schema
        self._types = schema._schema  # noqa: SLF001 - the GraphQL schema has no public name
        self._operation = operation
        self._fragments = fragments
        self._detailed = {name: FragmentDetails(fragment) for name, fragment in fragments.items()}
        self._variables = variables

    def roots(self) -> Mapping[str, Root | str]:
        """Return what answers each field of the query, which for `__typename` is a name; raise UnplannedError."""
        query = self._types.query_type
        assert query is not None  # noqa: S101 - there is an operation of it
        collected = collect_fields(self._types, self._detailed, self._variables, query, self._operation)
        return {
            key: query.name if details[0].node.name.value == TYPENAME else self._root(key, query, details)
            for key, details in collected.grouped_field_set.items()
        }

    def _root(self, key: str, query: GraphQLObjectType, details: FieldDetailsList) -> Root:
        nodes = [detail.node for detail in details]
        field = query.fields.get(nodes[0].name.value)
        if field is None or (resolver := _resolver(field)) is None:  # such as __schema
            raise UnplannedError
        shown = get_named_type(field.type)
        pages = isinstance(shown, GraphQLObjectType) and _is_connection(shown)
        return Root(
            key=key,
            field=resolver,
            resolve=_function(resolver),
            arguments=Arguments(self._schema, field, resolver, nodes[0]),
            nodes=nodes,
            nullable=not is_non_null_type(field.type),
            types=frozenset(Selection(nodes, self._fragments).types),
            objects={} if pages else dict(self._objects(possible, details) for possible in self._possible(shown)),
            pages=self._pages(shown, details) if pages else None,
        )

    def _possible(self, shown: GraphQLNamedType) -> Sequence[GraphQLObjectType]:
        if isinstance(shown, GraphQLInterfaceType):
            return self._types.get_possible_types(shown)
        return [shown] if isinstance(shown, GraphQLObjectType) else []

    def _objects(self, shown: GraphQLObjectType, details: FieldDetailsList) -> tuple[type[Kind], Objects]:
        kind, row = _kind(shown), _Row(_kind(shown))
        return kind, Objects(kind, self._part(shown, details, kind.shown, row), row.used)

    def _pages(self, connection: Any, details: FieldDetailsList) -> Pages:
        node = get_named_type(connection.fields["nodes"].type)
        kind, row = _kind(node), _Row(_kind(node))
        fields: dict[str, Callable[[Page, Any], Any]] = {}
        asked = set()
        for key, name, below in self._selected(connection, details):
            asked.add(name)
            if name == TYPENAME:
                fields[key] = partial(plans.constant, connection.name)
            elif name == "nodes":
                fields[key] = partial(plans.rows, self._part(node, below, kind.shown, row))
            elif name == "edges":
                edge = get_named_type(connection.fields[name].type)
                shown: Shown = {"node": Nested(kind.shown), "cursor": Column(CURSOR)}
                fields[key] = partial(plans.edges, self._part(edge, below, shown, row))
            elif name == "pageInfo":
                info = get_named_type(connection.fields[name].type)
                about = {inner: named for inner, named, _ in self._selected(info, below)}
                asked.update(about.values())
                fields[key] = partial(plans.about, info.name, about)
            elif name == "totalCount":
                fields[key] = plans.total
            else:
                raise UnplannedError
        return Pages(kind, fields, row.used, asked)

    def _selected(
        self, shown: GraphQLObjectType, details: FieldDetailsList
    ) -> Iterator[tuple[str, str, FieldDetailsList]]:
        collected = collect_subfields(self._types, self._detailed, self._variables, self._operation, shown, details)
        for key, below in collected.grouped_field_set.items():
            yield key, below[0].node.name.value, below

    def _part(self, shown: Any, details: FieldDetailsList, told: Shown, row: "_Row") -> Part:
        """Return the part that shows objects of a type."""
        fields = {}
        for key, name, below in self._selected(shown, details):
            if name == TYPENAME:
                fields[key] = parts.constant(shown.name)
            else:
                fields[key] = self._field(
                    shown.fields[name], told.get(name, _own(shown.fields[name], name)), below, row
                )
        return parts.objects(fields)

    def _field(self, field: GraphQLField, told: Any, below: FieldDetailsList, row: "_Row") -> Part:
        match told:
            case Column():
                return _leaf(field, told, row)
            case Nested():
                return self._part(get_named_type(field.type), below, told.shown, row)
            case Entries():
                row.use(told.columns)
                entry = self._part(get_named_type(field.type), below, told.shown, _Entry())
                return parts.entries(parts.column(told.of.columns, told.of.read), entry, told.beside)
        raise UnplannedError


class _Row:
    """The columns of a read table that are used."""

    def __init__(self, kind: type[Kind]) -> None:
        self._columns: Any = kind.projection.table.__table__.columns  # type: ignore[attr-defined]
        self.used: set[str] = set()

    def use(self, names: Iterable[str]) -> None:
        for name in names:
            if name != CURSOR:
                if name not in self._columns:
                    raise UnplannedError
                self.used.add(name)

    def holds(self, column: Column, types: frozenset[type], *, nullable: bool) -> bool:
        """Return whether a column can hold nothing but values of these types, whole numbers being of 32 bits."""
        if column.read is not None or column.columns == (CURSOR,):
            return column.columns == (CURSOR,)
        held = self._columns[column.columns[0]]
        fits = held.type.python_type in types and not isinstance(held.type, BigInteger)
        return fits and (nullable or not held.nullable)


class _Entry(_Row):
    """What lists have, of which nothing is known."""

    def __init__(self) -> None:
        self.used = set()

    def use(self, names: Iterable[str]) -> None:
        pass

    def holds(self, column: Column, types: frozenset[type], *, nullable: bool) -> bool:  # noqa: ARG002 - as above
        return False


def _kind(shown: Any) -> type[Kind]:
    """Return the class of a type that shows rows."""
    kind: type[Kind] = _definition(shown).origin
    if not hasattr(kind, "shown"):
        raise UnplannedError
    return kind


def _is_connection(shown: GraphQLObjectType) -> bool:
    made_of = _definition(shown).concrete_of
    return made_of is not None and made_of.origin is Connection


def _definition(shown: Any) -> StrawberryObjectDefinition:
    definition = shown.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, StrawberryObjectDefinition):
        raise UnplannedError
    return definition


def _own(field: GraphQLField, name: str) -> Column | None:
    """Return the column that has a field's name; None for a field with a resolver, of which nobody told anything."""
    return None if _resolver(field) else Column(column_of(name))


def _resolver(field: GraphQLField) -> StrawberryField | None:
    """Return the definition of a field with a resolver; raise UnplannedError where that is not all that is run."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, StrawberryField) or definition.extensions or definition.permission_classes:
        raise UnplannedError
    return definition if definition.base_resolver else None


def _function(field: StrawberryField) -> Callable[..., Awaitable[Any]]:
    """Return the function that resolves a field, which has no parameters but `info` and the field's arguments."""
    assert field.base_resolver is not None  # noqa: S101 - only such fields are asked for it
    return cast("Callable[..., Awaitable[Any]]", field.base_resolver.wrapped_func)


def _leaf(field: GraphQLField, column: Column, row: _Row) -> Part:
    kind, nullable = get_named_type(field.type), not is_non_null_type(field.type)
    if not is_leaf_type(kind) or is_list_type(get_nullable_type(field.type)):
        raise UnplannedError
    row.use(column.columns)
    part = parts.column(column.columns, column.read)
    shown = _shown_as(kind)
    known = row.holds(column, shown.as_they_are, nullable=nullable)
    return part if known else parts.leaf(part, shown, nullable=nullable)


def _shown_as(kind: GraphQLLeafType) -> Leaf:
    if isinstance(kind, GraphQLEnumType):
        return Leaf(convert={value.value: name for name, value in kind.values.items()}.__getitem__)
    return _SCALARS.get(kind.name) or Leaf(convert=kind.coerce_output_value)
