"""What plans are made of: parts that turn columns of values into columns of JSON, all rows at once.

No part does anything for a single cell in Python where a loop of C does; that is what makes a planned query fast.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, islice, repeat
from operator import itemgetter, methodcaller
from types import NoneType
from typing import Any, Protocol

_SMALLEST, _LARGEST = -(1 << 31), (1 << 31) - 1


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


def required(part: Part) -> Part:
    """A part that must not have a null, which graphql-core would make an error of."""

    def checked(source: Source) -> Iterable[Any]:
        values = list(part(source))
        if None in values:
            raise UnplannedError
        return values

    return checked


def converted(part: Part, convert: Callable[[Any], Any], *, nullable: bool) -> Part:
    if not nullable:
        return lambda source: map(convert, part(source))
    return lambda source: [None if value is None else convert(value) for value in part(source)]


def natural(part: Part, kind: type) -> Part:
    """Values of a type that JSON has itself; whole numbers no longer than an Int may be."""

    def checked(source: Source) -> Iterable[Any]:
        values = list(part(source))
        if not {*map(type, values)} <= {kind, NoneType}:
            raise UnplannedError
        if kind is int:
            numbers = [value for value in values if value is not None]
            if numbers and not (min(numbers) >= _SMALLEST and max(numbers) <= _LARGEST):
                raise UnplannedError
        return values

    return checked


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
