"""Search: words that must all be found in a row's text, wherever they stand.

An index of trigrams finds them. A second one finds by their letters the words of scripts that set no blanks between
them, as Chinese, where most words have two letters; rows without such letters are not in it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Boolean, ColumnElement, Index, Text, func, literal_column, null, text
from sqlalchemy.dialects.postgresql import ARRAY

_TRIGRAM = 3
_WILDCARDS = re.compile(r"([\\%_])")


class Searched:
    """The text that a read table is searched in: some of its columns, none of them null, a blank before each."""

    def __init__(self, first: str, *more: str) -> None:
        # In the parentheses that PostgreSQL gives it, so that models and migrations can be compared.
        self._sql = f"' ' || {first}"
        for column in more:
            self._sql = f"(({self._sql}) || ' ') || {column}"

    def index(self, name: str) -> Index:
        searched = literal_column(f"({self._sql})", Text).label("searched")
        return Index(name, searched, postgresql_using="gin", postgresql_ops={"searched": "gin_trgm_ops"})

    def index_of_letters(self, name: str) -> Index:
        letters = literal_column(self._letters, ARRAY(Text)).label("letters")
        return Index(name, letters, postgresql_using="gin", postgresql_where=text(self._has_letters))

    def contains(self, words: Iterable["Word"]) -> list[ColumnElement[bool]]:
        """Return the conditions under which all these words are found, of whatever letter case."""
        return [condition for word in words for condition in self._contains(word)]

    def _contains(self, word: "Word") -> Iterator[ColumnElement[bool]]:
        yield literal_column(f"({self._sql})", Text).ilike(word.pattern)
        if word.letters is not None:
            yield literal_column(self._has_letters, Boolean)
            yield literal_column(self._letters, ARRAY(Text)).contains(func.string_to_array(word.letters, null()))

    @property
    def _letters(self) -> str:
        """The letters of those scripts, and of others that come as late in Unicode."""
        return f"string_to_array(regexp_replace({self._sql}, '[\\x01-\\u10ff]+', '', 'g'), NULL)"

    @property
    def _has_letters(self) -> str:
        """What most rows are told apart by soonest: they are of one byte a letter."""
        return f"octet_length({self._sql}) > length({self._sql})"


@dataclass(frozen=True, slots=True)
class Word:
    """A word that is looked for."""

    pattern: str
    """What a text is like that has it."""
    letters: str | None
    """Those of its letters that may stand in the midst of a text without a blank; None where it has none of those."""


def words_of(search: str) -> tuple[Word, ...]:
    """Return the words of a text, each once, in the composed form in which texts are stored."""
    each_once = dict.fromkeys(unicodedata.normalize("NFC", search).split())
    return tuple(Word(_pattern(word), _unparted(word) or None) for word in each_once)


def _pattern(word: str) -> str:
    """Return what a text is like that has a word, with its wildcards taken for letters.

    No index of trigrams finds one or two letters, except where a word begins; anywhere else they say little too.
    """
    escaped = _WILDCARDS.sub(r"\\\1", word)
    begins = len(word) < _TRIGRAM and not _unparted(word)
    return f"% {escaped}%" if begins else f"%{escaped}%"


def _unparted(word: str) -> str:
    return "".join(letter for letter in word if unicodedata.east_asian_width(letter) == "W")
