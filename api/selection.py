"""What a request selects of a field, and so which columns have to be read for it."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, InlineFragmentNode, SelectionNode
from pydantic.alias_generators import to_snake

from api.context import Info
from api.shown import Shown

column_of = lru_cache(1024)(to_snake)
"""The column that a field shows of which nothing else is told."""


class Selection:
    """The fields that are selected beneath some fields of a document, through fragments of whatever type."""

    def __init__(self, nodes: Iterable[FieldNode], fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._fields: dict[str, list[FieldNode]] = {}
        self.types: set[str] = set()
        """The types that fragments are for."""
        for node in nodes:
            for field in self._walk(node.selection_set.selections if node.selection_set else ()):
                self._fields.setdefault(field.name.value, []).append(field)

    @classmethod
    def of(cls, info: Info) -> "Selection":
        """Return what is selected of the field that is being resolved."""
        raw = info._raw_info  # noqa: SLF001 - Strawberry's own form of it costs more than the query
        return cls(raw.field_nodes, raw.fragments)

    def has(self, *fields: str) -> bool:
        """Return whether any of these fields is selected."""
        return not self._fields.keys().isdisjoint(fields)

    def under(self, *path: str) -> "Selection":
        found = self
        for name in path:
            found = Selection(found._fields.get(name, ()), self._fragments)
        return found

    def columns(self, shown: Shown) -> set[str]:
        """Return the columns that the selected fields show, and the names of fields that have none."""
        told = {name: shown[name].columns if name in shown else (column_of(name),) for name in self._fields}
        return {column for columns in told.values() for column in columns}

    def _walk(self, selections: Iterable[SelectionNode]) -> Iterator[FieldNode]:
        for node in selections:
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self._of_type(node)
            elif isinstance(node, FragmentSpreadNode):
                yield from self._of_type(self._fragments[node.name.value])

    def _of_type(self, fragment: InlineFragmentNode | FragmentDefinitionNode) -> Iterator[FieldNode]:
        if fragment.type_condition is not None:
            self.types.add(fragment.type_condition.name.value)
        yield from self._walk(fragment.selection_set.selections)
