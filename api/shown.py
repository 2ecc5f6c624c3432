"""What the fields of a GraphQL type show of a row. A field that is not told of shows the column of its own name."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self

from projections.projection import Projection


class Column:
    """A value: what a column holds, or what `read` makes of one or several."""

    def __init__(self, *names: str, read: Callable[..., Any] | None = None) -> None:
        self.columns = names
        self.read = read


@dataclass(frozen=True, slots=True)
class Nested:
    """An object made of columns of the same row."""

    shown: "Shown"

    @property
    def columns(self) -> Iterator[str]:
        for part in self.shown.values():
            yield from part.columns


@dataclass(frozen=True, slots=True)
class Entries:
    """A list of objects: the entries of a list, which a column holds or which is read from columns.

    What is shown of an entry may also be a column of its row, one of those `beside` it.
    """

    of: Column
    shown: "Shown" = field(default_factory=dict)
    beside: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return *self.of.columns, *self.beside


@dataclass(frozen=True, slots=True)
class ReadApart:
    """What a resolver reads with a statement of its own, which needs these columns."""

    columns: tuple[str, ...]


Shown = Mapping[str, Column | Nested | Entries | ReadApart]


class Kind(Protocol):
    """A GraphQL type that shows rows of a read table."""

    projection: ClassVar[Projection]
    shown: ClassVar[Shown]

    @classmethod
    def of(cls, row: Mapping[str, Any], /) -> Self: ...


def money(amount: Column) -> Nested:
    """Return an amount that is in the currency of its row."""
    return Nested({"amount": amount, "currency": Column("currency")})
