"""What plans are made of: parts that turn columns of values into columns of JSON, all rows at once.

No part does anything for a single cell in Python where a loop of C does; that is what makes a planned query fast.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from operator import itemgetter, methodcaller
from types import NoneType
from typing import Any, Protocol


class UnplannedError(Exception):
    """Something is there that only resolvers know what to do with."""


class Source(Protocol):
    """Columns by their names, all of one length."""

    size: int

    def __getitem__(self, name: str, /) -> Sequence[Any]: ...


Part = Callable[[Source], Iterable[Any]]


class Records:
    """Rows of a table, as columns."""

    def __init__(self, records: Sequence[Mapping[str, Any]], more: Mapping[str, Sequence[Any]] | None = None) -> None:
        self.size = len(records)
        self._columns = dict(more or {})
        if records:
            values = zip(*map(methodcaller("values"), records), strict=True)
            self._columns.update(zip(records[0].keys(), values, strict=True))

    def __getitem__(self, name: str) -> Sequence[Any]:
        return self._columns[name] if self.size else ()


class Entered:
    """The entries of lists, as columns, one list a row: with columns of those rows beside them."""

    def __init__(self, rows: Source, lists: Sequence[Sequence[Mapping[str, Any]]], beside: Iterable[str]) -> None:
        self._entries = list(chain.from_iterable(lists))
        self.size = len(self._entries)
        self._beside = {name: list(chain.from_iterable(map(repeat, rows[name], map(len, lists)))) for name in beside}

    def __getitem__(self, name: str) -> Sequence[Any]:
        return self._beside[name] if name in self._beside else list(map(itemgetter(name), self._entries))


def constant(value: Any) -> Part:
    return lambda source: repeat(value, source.size)


def column(names: Sequence[str], read: Callable[..., Any] | None) -> Part:
    """A column as it is, or what `read` makes of one or several."""
    if read is not None:
        return lambda source: map(read, *(source[name] for name in names))
    [name] = names
    return itemgetter(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """How a scalar or an enum has its values in JSON.

    Those of the types in `as_they_are` are left so, unless they are whole numbers outside of `within`: orjson makes of
    them what the scalar would. All others are converted, one by one.
    """

    as_they_are: frozenset[type] = frozenset()
    within: range | None = None
    convert: Callable[[Any], Any]


def leaf(part: Part, kind: Leaf, *, nullable: bool) -> Part:
    def shown(source: Source) -> Iterable[Any]:
        values = list(part(source))
        types = {*map(type, values)}
        if NoneType in types:
            if not nullable:  # which graphql-core makes an error of
                raise UnplannedError
            types.remove(NoneType)
            if not types:
                return values
        if types <= kind.as_they_are and (kind.within is None or _lie(values, kind.within)):
            return values
        try:
            return [None if value is None else kind.convert(value) for value in values]
        except Exception as error:  # whatever it is, Strawberry makes an error of it at its very place
            raise UnplannedError from error

    return shown


def _lie(values: Iterable[int | None], within: range) -> bool:
    """Return whether all of these numbers, some of them null, lie within a range."""
    numbers = [value for value in values if value is not None]
    return not numbers or (min(numbers) in within and max(numbers) in within)


def objects(fields: Mapping[str, Part]) -> Part:
    """An object a row; its fields in their order."""
    parts, made_of = tuple(fields.values()), _object(tuple(fields))
    if not fields:  # all that was selected is skipped
        return lambda source: [{} for _ in range(source.size)]
    return lambda source: list(map(made_of, *[part(source) for part in parts]))


def _object(keys: Sequence[str]) -> Callable[..., dict[str, Any]]:
    """Return a function that makes an object of its values. Compiled for its keys: a loop takes thrice as long."""
    names = [f"value_{place}" for place in range(len(keys))]
    made = ", ".join(f"{key!r}: {name}" for key, name in zip(keys, names, strict=True))
    # Its keys are names of GraphQL, of letters, digits and underscores.
    function: Callable[..., dict[str, Any]] = eval(f"lambda {', '.join(names)}: {{{made}}}", {})  # noqa: S307
    return function


def entries(lists: Part, shown: Part, beside: Iterable[str]) -> Part:
    """A list of objects a row."""

    def shaped(source: Source) -> Iterable[Any]:
        found = list(lists(source))
        flat = iter(shown(Entered(source, found, beside)))
        return [list(islice(flat, len(each))) for each in found]

    return shaped
