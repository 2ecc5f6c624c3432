"""Valid queries, drawn from a schema: any fields and arguments, variables, aliases, fragments and directives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)
from hypothesis import strategies as st

Values = Mapping[str, st.SearchStrategy[Any]]
"""What arguments may be given, by their names, or else by their types."""

_DEEPEST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    document: str
    variables: dict[str, Any]


@st.composite
def queries(draw: st.DrawFn, schema: GraphQLSchema, values: Values, leave_out: frozenset[str] = frozenset()) -> Asked:
    """Draw a query and its variables; `leave_out` names root fields that are never asked for."""
    drawing = _Drawing(draw, schema, values)
    assert schema.query_type
    fields = {name: each for name, each in schema.query_type.fields.items() if name not in leave_out}
    root = drawing.selections(schema.query_type, fields, most=3)
    declared = ", ".join(f"${name}: {kind}" for name, (kind, _) in drawing.variables.items())
    document = f"query Drawn{f'({declared})' if declared else ''} {root} {' '.join(drawing.fragments)}"
    return Asked(document=document, variables={name: value for name, (_, value) in drawing.variables.items()})


@dataclass(slots=True)
class _Drawing:
    draw: Callable[[st.SearchStrategy[Any]], Any]
    schema: GraphQLSchema
    values: Values
    variables: dict[str, tuple[str, Any]] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)
    names: int = 0

    def selections(self, parent: Any, fields: Mapping[str, GraphQLField], *, most: int = 5, depth: int = 1) -> str:
        chosen = self.draw(st.lists(st.sampled_from(["__typename", *fields]), min_size=1, max_size=most))
        return f"{{ {' '.join(self.selected(name, parent, fields, depth) for name in chosen)} }}"

    def selected(self, name: str, parent: Any, fields: Mapping[str, GraphQLField], depth: int) -> str:
        """Return a field, or a fragment with it."""
        if name == "__typename":
            text = f"{self.alias(always=False)}__typename{self.directive()}"
        else:
            text = self.field(name, fields[name], depth)
        match self.draw(st.integers(0, 9)):
            case 0:
                return f"... {self.directive()} {{ {text} }}"
            case 1:
                return f"... on {parent.name} {self.directive()} {{ {text} }}"
            case 2:
                fragment = self.name("F")
                self.fragments.append(f"fragment {fragment} on {parent.name} {{ {text} }}")
                return f"...{fragment} {self.directive()}"
        return text

    def field(self, name: str, wanted: GraphQLField, depth: int) -> str:
        arguments = self.arguments(wanted)
        # Two fields of one name must be alike: those with arguments, or with something below them, get their own names.
        kind = get_named_type(wanted.type)
        alias = self.alias(always=bool(wanted.args) or not is_leaf_type(kind))
        below = "" if is_leaf_type(kind) else self.below(kind, depth + 1)
        return f"{alias}{name}{arguments}{self.directive()}{below}"

    def below(self, kind: Any, depth: int) -> str:
        if isinstance(kind, GraphQLInterfaceType):
            possible = self.draw(st.lists(st.sampled_from(self.schema.get_possible_types(kind)), max_size=3))
            parts = " ".join(f"... on {each.name} {self.below(each, depth)}" for each in possible)
            return f"{{ __typename id {parts} }}"
        assert isinstance(kind, GraphQLObjectType)
        fields = kind.fields
        if depth >= _DEEPEST:
            fields = {name: each for name, each in fields.items() if is_leaf_type(get_named_type(each.type))}
        return self.selections(kind, fields, depth=depth)

    def alias(self, *, always: bool) -> str:
        return f"{self.name('a')}: " if always or self.draw(st.integers(0, 4)) == 0 else ""

    def directive(self) -> str:
        match self.draw(st.integers(0, 19)):
            case 0:
                return f" @include(if: {self.given('Boolean!', self.draw(st.booleans()))})"
            case 1:
                return f" @skip(if: {self.given('Boolean!', self.draw(st.booleans()))})"
        return ""

    def arguments(self, wanted: GraphQLField) -> str:
        given = []
        for name, argument in wanted.args.items():
            if isinstance(argument.type, GraphQLNonNull) or self.draw(st.integers(0, 2)) == 0:
                value = self.draw(self.value(name, argument.type))
                given.append(f"{name}: {self.given(str(argument.type), value, argument.type)}")
        return f"({', '.join(given)})" if given else ""

    def given(self, kind: str, value: Any, type_: Any = None) -> str:
        """Return a value as it stands in the document: written there, or as a variable."""
        if self.draw(st.booleans()):
            return _literal(value, type_)
        name = self.name("v")
        self.variables[name] = (kind, value)
        return f"${name}"

    def value(self, name: str, kind: Any) -> st.SearchStrategy[Any]:
        required = isinstance(kind, GraphQLNonNull)
        inner = kind.of_type if required else kind
        if name in self.values:
            found = self.values[name]
        elif isinstance(inner, GraphQLEnumType):
            found = st.sampled_from(sorted(inner.values))
        elif isinstance(inner, GraphQLList):
            found = st.lists(self.value("", inner.of_type), max_size=3)
        elif isinstance(inner, GraphQLInputObjectType):
            fields = inner.fields.items()
            needed = {key: self.value(key, each.type) for key, each in fields if isinstance(each.type, GraphQLNonNull)}
            others = {key: self.value(key, each.type) for key, each in fields if key not in needed}
            found = st.fixed_dictionaries(needed, optional=others)
        else:
            found = self.values[inner.name]
        return found if required else st.one_of(*[found] * 8, st.none())

    def name(self, prefix: str) -> str:
        self.names += 1
        return f"{prefix}{self.names}"


def _literal(value: Any, kind: Any) -> str:
    inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if isinstance(inner, GraphQLEnumType) and value is not None:
        return str(value)
    if isinstance(inner, GraphQLList) and isinstance(value, list):
        return f"[{', '.join(_literal(each, inner.of_type) for each in value)}]"
    if isinstance(inner, GraphQLInputObjectType) and isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_literal(each, inner.fields[key].type)}' for key, each in value.items())}}}"
    return orjson.dumps(value).decode()
