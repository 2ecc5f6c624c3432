"""From the fields of a query to the shapes of their answers. What shows no rows cannot be planned, and is not."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLLeafType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
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

from api.compiled import parts
from api.compiled.parts import Part, Records, UnplannedError
from api.pagination import Page
from api.reading import columns
from api.selection import Selection, column_of
from api.shown import Column, Entries, Kind, Nested, Shown
from api.types.connections import Connection

_TYPENAME = "__typename"
_CURSOR = "the cursor of a row"
# Scalars that make of a value what orjson makes of it too.
_AS_THEY_ARE = frozenset({"Boolean", "BigInt", "DateTime", "Date", "JSON"})
_TEXT = {"ID": str, "Decimal": str}


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A field of the query, with the shapes that its answer may have."""

    key: str
    field: GraphQLField
    nodes: list[FieldNode]
    types: frozenset[str]
    """The types that the document has fragments for beneath it."""
    objects: Mapping[type[Kind], "Objects"]
    pages: "Pages | None"


class Objects:
    """Rows as objects of JSON."""

    def __init__(self, kind: type[Kind], part: Part, used: Iterable[str]) -> None:
        self.columns = columns(kind, used)
        self._part = part

    def show(self, records: Sequence[Any]) -> list[Any]:
        return list(self._part(Records(records)))


class Pages:
    """Pages of rows as objects of JSON."""

    def __init__(
        self, kind: type[Kind], fields: Mapping[str, Callable[[Page, Any], Any]], used: set[str], asked: set[str]
    ) -> None:
        self.columns = columns(kind, used)
        self.wants_rows = not asked.isdisjoint({"nodes", "edges", "pageInfo"})
        self.wants_count = "totalCount" in asked
        self._asked = asked
        self._fields = fields

    def wants(self, field: str) -> bool:
        return field in self._asked

    def show(self, page: Page, total: int | None) -> dict[str, Any]:
        return {key: shown(page, total) for key, shown in self._fields.items()}


class Planner:
    """Plans an operation, for the values that its @skip and @include have."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: VariableValues,
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._fragments = fragments
        self._detailed = {name: FragmentDetails(fragment) for name, fragment in fragments.items()}
        self._variables = variables

    def roots(self) -> Mapping[str, Root | str]:
        """Return what answers each field of the query, which for `__typename` is a name; raise UnplannedError."""
        query = self._schema.query_type
        assert query is not None  # noqa: S101 - there is an operation of it
        collected = collect_fields(self._schema, self._detailed, self._variables, query, self._operation)
        return {
            key: query.name if details[0].node.name.value == _TYPENAME else self._root(key, query, details)
            for key, details in collected.grouped_field_set.items()
        }

    def _root(self, key: str, query: GraphQLObjectType, details: FieldDetailsList) -> Root:
        nodes = [detail.node for detail in details]
        field = query.fields.get(nodes[0].name.value)
        shown = get_named_type(field.type) if field else None
        if field is None or shown is None or is_leaf_type(shown):
            raise UnplannedError
        pages = isinstance(shown, GraphQLObjectType) and _is_connection(shown)
        return Root(
            key=key,
            field=field,
            nodes=nodes,
            types=frozenset(Selection(nodes, self._fragments).types),
            objects={} if pages else dict(self._objects(possible, details) for possible in self._possible(shown)),
            pages=self._pages(shown, details) if pages else None,
        )

    def _possible(self, shown: GraphQLNamedType) -> Sequence[GraphQLObjectType]:
        if isinstance(shown, GraphQLInterfaceType):
            return self._schema.get_possible_types(shown)
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
            if name == _TYPENAME:
                fields[key] = partial(_constant, connection.name)
            elif name == "nodes":
                fields[key] = partial(_rows, self._part(node, below, kind.shown, row))
            elif name == "edges":
                edge = get_named_type(connection.fields[name].type)
                shown: Shown = {"node": Nested(kind.shown), "cursor": Column(_CURSOR)}
                fields[key] = partial(_edges, self._part(edge, below, shown, row))
            elif name == "pageInfo":
                info = get_named_type(connection.fields[name].type)
                about = {inner: named for inner, named, _ in self._selected(info, below)}
                asked.update(about.values())
                fields[key] = partial(_about, info.name, about)
            elif name == "totalCount":
                fields[key] = _total
            else:
                raise UnplannedError
        return Pages(kind, fields, row.used, asked)

    def _selected(
        self, shown: GraphQLObjectType, details: FieldDetailsList
    ) -> Iterator[tuple[str, str, FieldDetailsList]]:
        collected = collect_subfields(self._schema, self._detailed, self._variables, self._operation, shown, details)
        for key, below in collected.grouped_field_set.items():
            yield key, below[0].node.name.value, below

    def _part(self, shown: Any, details: FieldDetailsList, told: Shown, row: "_Row") -> Part:
        """Return the part that shows objects of a type."""
        fields = {}
        for key, name, below in self._selected(shown, details):
            if name == _TYPENAME:
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
            if name != _CURSOR:
                if name not in self._columns:
                    raise UnplannedError
                self.used.add(name)

    def may_be_null(self, column: Column) -> bool:
        return column.read is not None or any(
            self._columns[name].nullable for name in column.columns if name != _CURSOR
        )

    def is_small(self, column: Column) -> bool:
        """Return whether a column has whole numbers of no more than 32 bits."""
        [name, *_] = column.columns
        return column.read is None and not isinstance(self._columns[name].type, BigInteger)


class _Entry(_Row):
    """What lists have, of which nothing is known."""

    def __init__(self) -> None:
        self.used = set()

    def use(self, names: Iterable[str]) -> None:
        pass

    def may_be_null(self, column: Column) -> bool:  # noqa: ARG002 - of any
        return True

    def is_small(self, column: Column) -> bool:  # noqa: ARG002 - of none
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
    definition = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    return None if definition.base_resolver else Column(column_of(name))


def _leaf(field: GraphQLField, column: Column, row: _Row) -> Part:
    kind = get_named_type(field.type)
    required = is_non_null_type(field.type)
    if not is_leaf_type(kind) or is_list_type(get_nullable_type(field.type)):
        raise UnplannedError
    row.use(column.columns)
    part = parts.column(column.columns, column.read)
    if required and row.may_be_null(column):
        part = parts.required(part)
    return _converted(part, kind, nullable=not required, small=kind.name == "Int" and row.is_small(column))


def _converted(part: Part, kind: GraphQLLeafType, *, nullable: bool, small: bool) -> Part:
    """Return a part whose values are as the scalar or enum has them in JSON."""
    if isinstance(kind, GraphQLEnumType):
        names = {value.value: name for name, value in kind.values.items()}
        return parts.converted(part, names.__getitem__, nullable=nullable)
    if kind.name in _AS_THEY_ARE or small:
        return part
    if kind.name == "Int":
        return parts.small(part)
    return parts.converted(part, _TEXT.get(kind.name, kind.coerce_output_value), nullable=nullable)


def _constant(value: Any, *_: Any) -> Any:
    return value


def _rows(part: Part, page: Page, _: Any) -> list[Any]:
    return list(part(Records(page.shown)))


def _edges(part: Part, page: Page, _: Any) -> list[Any]:
    return list(part(Records(page.shown, {_CURSOR: page.cursors()})))


def _about(type_name: str, asked: Mapping[str, str], page: Page, _: Any) -> dict[str, Any]:
    return {key: type_name if name == _TYPENAME else getattr(page, column_of(name)) for key, name in asked.items()}


def _total(_: Page, total: Any) -> Any:
    return total
