"""From the rows that a field means to what it answers: the one way by which all fields read.

What an answer is made of depends on how the query is carried out. By Strawberry, a resolver answers with objects, whose
fields are resolved one by one. Where the query was planned, `info` brings the plan, and the answer is made at once, as
that says. Resolvers know nothing of it: what they check and which rows they choose is the same.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar, cast

from api.consistency import Token
from api.context import Info
from api.pagination import Page
from api.scalars import ConsistencyToken
from api.selection import Selection
from api.shown import Kind
from projections.projection import Projection, Row
from projections.reads import PartialRow
from projections.statements import Found

T = TypeVar("T", bound=Kind)


class Shape(Protocol):
    """What is made of rows of one kind."""

    columns: tuple[str, ...]

    def show(self, records: Sequence[Any], /) -> list[Any]: ...


class PageShape(Protocol):
    """What is made of a page of rows, and what of it is asked for."""

    columns: tuple[str, ...]
    wants_rows: bool
    wants_count: bool

    def wants(self, field: str, /) -> bool:
        """Return whether this field of PageInfo is asked for."""

    def show(self, page: Page, total: int | None, /) -> Any: ...


class Plan(Protocol):
    """Comes in the place of graphql-core's own info, where a query was planned."""

    types: Iterable[str]

    def shape(self, kind: type[Kind], /) -> Shape: ...

    def page_shape(self) -> PageShape: ...


def plan_of(info: Info) -> Plan | None:
    raw = info._raw_info  # noqa: SLF001 - Strawberry's Info stands around whatever it was given
    return cast("Plan", raw) if hasattr(raw, "page_shape") else None


async def one(info: Info, kind: type[T], found: Found, token: ConsistencyToken | None = None) -> T | None:
    """Answer with a row, or None where there is none."""
    await caught_up(info, kind.projection, token)
    return next(iter(await _shown(info, kind, found)), None)


async def every(info: Info, kind: type[T], found: Found) -> list[T]:
    """Answer with all rows there are."""
    await caught_up(info, kind.projection, None)
    return await _shown(info, kind, found)


def shown(info: Info, kind: type[T], row: Row) -> T:
    """Answer with a row that was come by in another way."""
    [answer] = _shape(info, kind).show([row])
    return cast("T", answer)


def types_asked_for(info: Info) -> Iterable[str]:
    """Return the types that the document has fragments for, beneath the field that is being resolved."""
    plan = plan_of(info)
    return plan.types if plan else Selection.of(info).types


async def caught_up(info: Info, projection: Projection, token: ConsistencyToken | None) -> None:
    """Return once the projection has passed the token's place; raise StaleRead after two seconds."""
    info.context.shows(projection)
    if token is not None:
        await info.context.consistency.require(projection.name, Token.parse(token))


async def _shown(info: Info, kind: type[T], found: Found) -> list[T]:
    shape = _shape(info, kind)
    return shape.show(await info.context.reads.records(found.rows(shape.columns)))


def _shape(info: Info, kind: type[Kind]) -> Shape:
    plan = plan_of(info)
    return plan.shape(kind) if plan else Resolvable(kind, Selection.of(info))


class Resolvable:
    """Rows as objects whose fields Strawberry resolves."""

    def __init__(self, kind: type[Kind], *selections: Selection) -> None:
        self._kind = kind
        asked = {column for selection in selections for column in selection.columns(kind.shown)}
        self.columns = columns(kind, asked)

    def show(self, records: Sequence[Any]) -> list[Any]:
        return [self._kind.of(PartialRow(record)) for record in records]


def columns(kind: type[Kind], asked: Iterable[str]) -> tuple[str, ...]:
    """Return those of the columns asked for that there are, in the order of the table; with its key."""
    wanted = {*asked, *kind.projection.key_columns}
    return tuple(name for name in kind.projection.columns if name in wanted)
