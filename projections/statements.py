"""Selects that are built once for each shape of what they are given: to build one takes longer than to answer it.

    found(user_orders_view.by_id, order_id=order_id, user_id=None)

means what `user_orders_view.by_id(order_id=..., user_id=None)` selects. The function is called with a parameter in the
place of each value, and never again while what is given differs in its values alone: None, true and false, the length
of a tuple and the type of a dataclass are its shape.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import BindParameter, Select, bindparam
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from projections.keyset import Keyset, Parts, Slice, beyond, count, cut

Given = Mapping[str, Any]
_REMEMBERED = 2048
_VALUE: Final = "a value"
_CONSTANT: Final = -1
_DIALECT = dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Text:
    """What is sent for all statements of one shape; `parameters` are places among their values, or constants."""

    sql: str
    parameters: tuple[tuple[int, Any], ...]


@dataclass(frozen=True, slots=True)
class Statement:
    text: Text
    values: Sequence[Any]

    @property
    def arguments(self) -> list[Any]:
        """What its parameters are, in their order."""
        values = self.values
        return [constant if place == _CONSTANT else values[place] for place, constant in self.text.parameters]


@dataclass(frozen=True, slots=True)
class Found:
    """The rows that a function of a view selects, in one part or several that have none in common."""

    select: Callable[..., Select[Any] | Parts]
    given: Given

    def rows(self, columns: tuple[str, ...] | None = None) -> Statement:
        """Return the statement that reads them: these columns, or all."""
        return statement(_rows, self.select, columns, given=self.given)

    def cut(self, keyset: Keyset, wanted: Slice, columns: tuple[str, ...] | None, *, with_edge: bool) -> Statement:
        return statement(_cut, self.select, keyset, columns, with_edge, given=self.given, wanted=wanted)

    def beyond(self, keyset: Keyset, wanted: Slice) -> Statement:
        return statement(_beyond, self.select, keyset, given=self.given, wanted=wanted)

    def count(self) -> Statement:
        return statement(_count, self.select, given=self.given)


def found(select: Callable[..., Select[Any] | Parts], **given: Any) -> Found:
    return Found(select, given)


def statement(build: Callable[..., Select[Any]], *fixed: Hashable, **given: Any) -> Statement:
    """Return what `build(*fixed, **given)` selects; values may be in tuples, dictionaries and dataclasses."""
    values: list[Any] = []
    shape = _shape(given, values)
    return Statement(_text(build, fixed, shape), values)


@lru_cache(_REMEMBERED)
def _text(build: Callable[..., Select[Any]], fixed: tuple[Hashable, ...], shape: Any) -> Text:
    places: dict[str, int] = {}

    def parameter() -> BindParameter[Any]:
        places[name := f"value_{len(places)}"] = len(places)
        return bindparam(name, required=False)

    compiled = build(*fixed, **_with_parameters(shape, parameter)).compile(
        dialect=_DIALECT, compile_kwargs={"render_postcompile": True}
    )
    names, params = compiled.positiontup or (), compiled.params
    return Text(compiled.string, tuple((places.get(name, _CONSTANT), params[name]) for name in names))


def _shape(given: Any, values: list[Any]) -> Hashable:
    """Return what is given without its values, and append those."""
    if given is None or given is True or given is False:
        return given
    kind = type(given)
    if kind is tuple:
        return tuple([_shape(each, values) for each in given])
    if kind is dict:
        return dict, tuple(given), tuple([_shape(each, values) for each in given.values()])
    if names := _fields(kind):  # type: ignore[arg-type]  # classes are hashable
        return kind, names, tuple([_shape(getattr(given, name), values) for name in names])
    values.append(given)
    return _VALUE


def _with_parameters(shape: Any, parameter: Callable[[], BindParameter[Any]]) -> Any:
    """Return what has a shape, with parameters for its values, made in the order in which `_shape` meets those."""
    if shape is _VALUE:
        return parameter()
    if not isinstance(shape, tuple):
        return shape
    if shape and isinstance(shape[0], type):
        kind, names, parts = shape
        return kind(**{name: _with_parameters(each, parameter) for name, each in zip(names, parts, strict=True)})
    return tuple(_with_parameters(each, parameter) for each in shape)


@cache
def _fields(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()


def _rows(select: Callable[..., Any], columns: tuple[str, ...] | None, *, given: Given) -> Select[Any]:
    rows: Select[Any] = select(**given)
    if columns is None:
        return rows
    [table] = rows.get_final_froms()
    return rows.with_only_columns(*(table.columns[name] for name in columns), maintain_column_froms=True)


def _cut(
    select: Callable[..., Any],
    keyset: Keyset,
    columns: tuple[str, ...] | None,
    with_edge: bool,
    *,
    given: Given,
    wanted: Slice,
) -> Select[Any]:
    return cut(_parts(select, given), keyset, wanted, columns=columns, with_edge=with_edge)


def _beyond(select: Callable[..., Any], keyset: Keyset, *, given: Given, wanted: Slice) -> Select[Any]:
    return beyond(_parts(select, given), keyset, wanted)


def _count(select: Callable[..., Any], *, given: Given) -> Select[Any]:
    return count(_parts(select, given))


def _parts(select: Callable[..., Any], given: Given) -> Parts:
    selected: Select[Any] | Parts = select(**given)
    return [selected] if isinstance(selected, Select) else selected
