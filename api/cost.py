"""What a document asks for, counted before it is validated, in time that grows with its length alone.

Its cost is about how many values the answer has: a field is one; a page has as many rows as it asks for, another
list some; and a command is ten. A fragment is counted once, and added wherever it is spread.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from api.errors import ApiError
from api.pagination import DEFAULT_SIZE, LARGEST_SIZE

Key = TypeVar("Key")
COMMAND = 10
OTHER_LIST = 5
"""What a list is taken to have that is no page: the items of an order, what happened to it."""
_INTROSPECTION_IS_DEEPER_BY = 7

Size = int | tuple[str, ...]
"""How many rows a page has: so many, or what the first of these variables says that has a value."""
Terms = dict[tuple[tuple[str, ...], ...], int]
"""A cost that depends on variables: a sum of numbers, each times the sizes that it is beneath."""


_ITSELF: Terms = {(): 1}
_A_COMMAND: Terms = {(): COMMAND}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a document may have at most; what is in a fragment counts wherever it is spread."""

    characters: int = 16 * 1024
    tokens: int = 1000
    depth: int = 9
    """As deep as the schema is, which is from users to the price of what they ordered."""
    aliases: int = 15
    directives: int = 20
    directives_at_one_place: int = 4
    fragments: int = 30
    fields: int = 300
    of_a_name: int = 100
    """Fields that are called alike: whether they can be merged, validation asks of each two of them."""
    cost: int = 10_000


class DocumentTooComplex(ApiError):  # noqa: N818 - as the codes are named
    def __init__(self, message: str) -> None:
        super().__init__("DOCUMENT_TOO_COMPLEX", message)


@dataclass(frozen=True, slots=True)
class Cost:
    """What an operation costs, which its variables decide."""

    terms: Terms
    defaults: Mapping[str, Any]

    def of(self, variables: Mapping[str, Any]) -> int:
        total = 0
        for sizes, times in self.terms.items():
            for names in sizes:
                times *= self._rows(names, variables)  # noqa: PLW2901 - it is the product
            total += times
        return total

    def _rows(self, names: tuple[str, ...], variables: Mapping[str, Any]) -> int:
        for name in names:
            asked = variables.get(name, self.defaults.get(name))
            if asked is not None:
                return _asked(asked)
        return DEFAULT_SIZE


@dataclass(frozen=True, slots=True)
class Measured:
    """What a part of a document has."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    terms: Terms = field(default_factory=dict)
    names: Mapping[str, int] = field(default_factory=dict)
    """How often each name stands in it that a field has in the answer."""

    def __add__(self, other: "Measured") -> "Measured":
        return Measured(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.directives + other.directives,
            _sum(self.terms, other.terms),
            _sum(self.names, other.names),
        )


def required(cost: int, limits: Limits) -> int:
    """Return what an operation costs, if it may cost that."""
    if cost > limits.cost:
        raise DocumentTooComplex(
            f"The document costs {cost}, and may cost {limits.cost}: ask for smaller pages, or for fewer fields."
        )
    return cost


def costs(document: DocumentNode, schema: GraphQLSchema, limits: Limits) -> Mapping[str | None, Cost]:
    """Return what each operation costs, by its name; raise DocumentTooComplex for what is beyond the limits."""
    found: dict[str | None, Cost] = {}
    measure = _Measure(document, schema, limits)
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            name = operation.name.value if operation.name else None
            found[name] = measure.operation(operation)
    measure.unused()
    return found


class _Measure:
    def __init__(self, document: DocumentNode, schema: GraphQLSchema, limits: Limits) -> None:
        self._schema = schema
        self._limits = limits
        fragments = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
        _require(len(fragments), limits.fragments, "fragments")
        self._fragments = {each.name.value: each for each in fragments}
        self._known: dict[tuple[str, Size | None], Measured] = {}

    def operation(self, operation: OperationDefinitionNode) -> Cost:
        root = {
            OperationType.QUERY: self._schema.query_type,
            OperationType.MUTATION: self._schema.mutation_type,
            OperationType.SUBSCRIPTION: self._schema.subscription_type,
        }[operation.operation]
        found = self._selections(operation.selection_set, root, 1) + self._directives(operation)
        for variable in operation.variable_definitions or ():
            found += self._directives(variable)
        self._check(found, depth=self._limits.depth)
        return Cost(found.terms, _defaults(operation))

    def unused(self) -> None:
        """Look at fragments that no operation spreads: they are validated as all others are."""
        for name in self._fragments.keys() - {name for name, _ in self._known}:
            found = self._fragment(name, -_INTROSPECTION_IS_DEEPER_BY, None)
            self._check(found, depth=self._limits.depth + _INTROSPECTION_IS_DEEPER_BY)

    def _check(self, found: Measured, *, depth: int) -> None:
        _require(found.depth, depth, "levels of fields")
        _require(found.aliases, self._limits.aliases, "aliases")
        _require(sum(found.names.values()), self._limits.fields, "fields")
        _require(max(found.names.values(), default=0), self._limits.of_a_name, "fields of one name")
        _require(found.directives, self._limits.directives, "directives")

    def _selections(
        self, selected: SelectionSetNode | None, parent: Any, level: int, size: Size | None = None
    ) -> Measured:
        found = Measured()
        for node in selected.selections if selected else ():
            found += self._selection(node, parent, level, size) + self._directives(node)
        return found

    def _selection(self, node: SelectionNode, parent: Any, level: int, size: Size | None) -> Measured:
        if level > self._limits.depth:
            raise DocumentTooComplex(f"The document may have {self._limits.depth} levels of fields, and has more.")
        match node:
            case FragmentSpreadNode():
                return self._fragment(node.name.value, level, size)
            case InlineFragmentNode():
                inner = self._schema.get_type(node.type_condition.name.value) if node.type_condition else parent
                return self._selections(node.selection_set, inner, level, size)
            case FieldNode():
                return self._field(node, parent, level, size)
        return Measured()

    def _fragment(self, name: str, level: int, size: Size | None) -> Measured:
        """Return what is in a fragment; nothing of one that is not there, or amid itself, as validation will say."""
        fragment = self._fragments.get(name)
        if fragment is None:
            return Measured()
        if (name, size) not in self._known:
            self._known[name, size] = Measured()
            on = self._schema.get_type(fragment.type_condition.name.value)
            self._known[name, size] = self._selections(fragment.selection_set, on, level, size) + self._directives(
                fragment
            )
        return self._known[name, size]

    def _field(self, node: FieldNode, parent: Any, level: int, size: Size | None) -> Measured:
        """Count a field with what is beneath it; `size` is what the lists of a connection have, if it is in one."""
        name = node.name.value
        known = getattr(parent, "fields", {}).get(name)
        is_list = known is not None and is_list_type(get_nullable_type(known.type))
        about = name.startswith("__") and node.selection_set is not None
        below = self._selections(
            node.selection_set,
            get_named_type(known.type) if known else None,
            level + 1 - _INTROSPECTION_IS_DEEPER_BY * about,
            _page_size(node) if known and "first" in known.args else None,
        )
        terms = _sum(below.terms, _ITSELF)
        if is_list:
            terms = _times(terms, size or OTHER_LIST)
        if known is not None and parent is self._schema.mutation_type:
            terms = _sum(terms, _A_COMMAND)
        if node.alias:
            below += Measured(aliases=1)
        return Measured(
            below.depth + 1 - _INTROSPECTION_IS_DEEPER_BY * about,
            below.aliases,
            below.directives,
            terms,
            _sum(below.names, {node.alias.value if node.alias else name: 1}),
        )

    def _directives(self, node: Any) -> Measured:
        count = len(node.directives or ())
        if count:
            _require(count, self._limits.directives_at_one_place, "directives at one place")
        return Measured(directives=count)


def _page_size(node: FieldNode) -> Size:
    """Return how many rows a field asks for, as its `first` or else its `last` says."""
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    names = []
    for value in (given.get("first"), given.get("last")):
        match value:
            case IntValueNode():
                return _within(int(value.value[:20]))
            case VariableNode():
                names.append(value.name.value)
    return tuple(names) or DEFAULT_SIZE


def _asked(value: Any) -> int:
    """Return how many rows a variable asks for, as GraphQL takes it: 100.0 is an Int, and true is none."""
    match value:
        case bool():
            return LARGEST_SIZE
        case int():
            return _within(value)
        case float() if value.is_integer():
            return _within(int(value))
    return LARGEST_SIZE  # which is refused; what may run is never counted for less than it is


def _within(rows: int) -> int:
    """Return how many rows a page of that size can have; what it cannot have is refused when it is asked for."""
    return min(max(rows, 1), LARGEST_SIZE)


def _sum(one: Mapping[Key, int], other: Mapping[Key, int]) -> dict[Key, int]:
    both = dict(one)
    for key, times in other.items():
        both[key] = both.get(key, 0) + times
    return both


def _times(terms: Terms, size: Size) -> Terms:
    if isinstance(size, int):
        return {sizes: times * size for sizes, times in terms.items()}
    return {tuple(sorted((*sizes, size))): times for sizes, times in terms.items()}


def _defaults(operation: OperationDefinitionNode) -> Mapping[str, int]:
    return {
        each.variable.name.value: int(each.default_value.value[:20])
        for each in operation.variable_definitions or ()
        if isinstance(each.default_value, IntValueNode)
    }


def _require(found: int, most: int, what: str) -> None:
    if found > most:
        raise DocumentTooComplex(f"The document has {found} {what}, and may have {most}: ask for less at a time.")
