"""What is known of a query once it was planned: how its fields are resolved, and what is made of their rows."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode
from strawberry.types.field import StrawberryField

from api.compiled.arguments import Arguments
from api.compiled.parts import Part, Records
from api.pagination import Page
from api.reading import columns
from api.selection import column_of
from api.shown import Kind

TYPENAME = "__typename"
CURSOR = "the cursor of a row"


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A field of the query, with the shapes that its answer may have."""

    key: str
    field: StrawberryField
    resolve: Callable[..., Awaitable[Any]]
    arguments: Arguments
    nodes: list[FieldNode]
    nullable: bool
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


def constant(value: Any, *_: Any) -> Any:
    return value


def rows(part: Part, page: Page, _: Any) -> list[Any]:
    return list(part(Records(page.shown)))


def edges(part: Part, page: Page, _: Any) -> list[Any]:
    return list(part(Records(page.shown, {CURSOR: page.cursors()})))


def about(type_name: str, asked: Mapping[str, str], page: Page, _: Any) -> dict[str, Any]:
    return {key: type_name if name == TYPENAME else getattr(page, column_of(name)) for key, name in asked.items()}


def total(_: Page, total: Any) -> Any:
    return total
