"""A line of text: composed, without blanks around it, short, readable, storable; or a refusal."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refusal
from domain.text import line
from tests.support.deciding import invalid, refused

UNREADABLE = "The name must not contain control characters or NUL: remove them."


def name(value: str) -> str:
    return line(value, ("name",), what="The name")


class TestLine:
    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("Ada", "Ada"),
            ("a" * 200, "a" * 200),
            ("  Ada Lovelace \u00a0\u3000", "Ada Lovelace"),
            ("Zoe\u0308", "Zo\u00eb"),
            ("e\u0301" * 200, "\u00e9" * 200),  # 400 characters as they came, 200 as they are kept
            ("O'Brien; drop table users --", "O'Brien; drop table users --"),
            ("👩\u200d🚀", "👩\u200d🚀"),
        ],
    )
    def test_is_kept_composed_and_without_blanks_around(self, given: str, kept: str) -> None:
        assert name(given) == kept

    @pytest.mark.parametrize("given", ["", " ", " \u00a0\u2003 "])
    def test_is_refused_where_nothing_is_left(self, given: str) -> None:
        assert refused(name, given) == invalid("The name must not be empty.", "name")

    @pytest.mark.parametrize("length", [201, 800, 801, 10_000])
    def test_is_refused_where_it_is_too_long(self, length: int) -> None:
        expected = invalid(f"The name must have at most 200 characters; this one has {length}.", "name")
        assert refused(name, "a" * length) == expected

    def test_has_the_limit_that_it_is_given(self) -> None:
        assert line("abc", ("sku",), what="The sku", longest=3) == "abc"
        expected = invalid("The sku must have at most 3 characters; this one has 4.", "sku")
        assert refused(line, "abcd", ("sku",), what="The sku", longest=3) == expected

    @pytest.mark.parametrize(
        "given", ["a\0b", "\0", "a\nb", "a\tb", "\x1b[31m", "a\x7f", "a\x85", "\ud800", "a\udfffb"]
    )
    def test_is_refused_with_control_characters_or_half_a_surrogate_pair(self, given: str) -> None:
        assert refused(name, given) == invalid(UNREADABLE, "name")

    @pytest.mark.parametrize("given", ["Ada\u2028Lovelace", "Ada\u2029Lovelace"])
    def test_is_refused_where_it_is_two_lines(self, given: str) -> None:
        assert refused(name, given) == invalid(UNREADABLE, "name")

    @pytest.mark.parametrize("given", ["\u200b", "\u2060\ufeff", "\u00ad", "\u200e \u200f"])
    def test_is_refused_where_there_is_nothing_to_see(self, given: str) -> None:
        assert refused(name, given) == invalid("The name must not be empty.", "name")

    @given(st.text(st.characters(exclude_categories=())))
    def test_is_stripped_composed_and_without_controls_whatever_it_is_made_of(self, given: str) -> None:
        try:
            kept = name(given)
        except Refusal:
            return
        assert kept == kept.strip() == unicodedata.normalize("NFC", kept)
        assert 1 <= len(kept) <= 200
        assert re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", kept) is None
        assert name(kept) == kept
