"""Search: words that must all be found in a row's text. An index of its trigrams finds them, wherever they stand."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Index, Text, literal_column

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

    def contains(self, words: Iterable["Word"]) -> list[ColumnElement[bool]]:
        """Return a condition a word: it is found, of whatever letter case."""
        return [literal_column(f"({self._sql})", Text).ilike(word.pattern) for word in words]


@dataclass(frozen=True, slots=True)
class Word:
    """A word that is looked for: the pattern of texts that have it."""

    pattern: str


def words_of(search: str) -> tuple[Word, ...]:
    """Return the words of a text, each once, in the composed form in which texts are stored."""
    each_once = dict.fromkeys(unicodedata.normalize("NFC", search).split())
    return tuple(Word(_pattern(word)) for word in each_once)


def _pattern(word: str) -> str:
    """Return what a text is like that has a word, with its wildcards taken for letters.

    No index of trigrams finds one or two letters, except where a word begins; anywhere else they say little too. Not so
    where two letters are a word and none has a blank before it, as in Chinese: those are worth a look at every row.
    """
    escaped = _WILDCARDS.sub(r"\\\1", word)
    begins = len(word) < _TRIGRAM and not any(unicodedata.east_asian_width(letter) == "W" for letter in word)
    return f"% {escaped}%" if begins else f"%{escaped}%"
