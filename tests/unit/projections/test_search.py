"""Search: what a word is looked for as, and that nothing in it is taken for a wildcard."""

import pytest

from projections.search import Searched, words_of

TEXT = Searched("name", "email")


def pattern(word: str) -> str:
    condition, *_ = TEXT.contains(words_of(word))
    value: str = condition.right.value  # type: ignore[attr-defined]
    return value


class TestWords:
    @pytest.mark.parametrize(
        ("search", "patterns"),
        [
            ("", ()),
            (" \t\n\u3000 ", ()),
            ("tea", ("%tea%",)),
            ("  green   tea ", ("%green%", "%tea%")),
            ("tea tea Tea", ("%tea%", "%Tea%")),
            ("O\u0308le", ("%\u00d6le%",)),
            ("ada@example.com 100001", ("%ada@example.com%", "%100001%")),
        ],
    )
    def test_are_what_blanks_part_each_once(self, search: str, patterns: tuple[str, ...]) -> None:
        assert tuple(word.pattern for word in words_of(search)) == patterns


class TestContains:
    @pytest.mark.parametrize(
        ("word", "expected"),
        [
            ("tea", "%tea%"),
            ("ada@example.com", "%ada@example.com%"),
            ("te", "% te%"),
            ("t", "% t%"),
            ("\u00f6l", "% \u00f6l%"),
            ("\u8336", "%\u8336%"),
            ("\u7eff\u8336", "%\u7eff\u8336%"),
        ],
    )
    def test_looks_for_short_words_where_words_begin(self, word: str, expected: str) -> None:
        assert pattern(word) == expected

    @pytest.mark.parametrize(
        ("word", "expected"),
        [("100%", r"%100\%%"), ("a_b", r"%a\_b%"), ("a\\b", r"%a\\b%"), ("%", r"% \%%"), ("'--", "%'--%")],
    )
    def test_takes_every_letter_as_it_is(self, word: str, expected: str) -> None:
        assert pattern(word) == expected

    @pytest.mark.parametrize(
        ("word", "letters"),
        [
            ("tea", None),
            ("\u00f6l", None),
            ("\u0447\u0430\u0439", None),
            ("\u7eff\u8336", "\u7eff\u8336"),
            ("x\u8336", "\u8336"),
        ],
    )
    def test_looks_for_the_letters_of_scripts_without_blanks(self, word: str, letters: str | None) -> None:
        _, *more = TEXT.contains(words_of(word))
        assert [condition.right.clauses.clauses[0].value for condition in more[1:]] == ([letters] if letters else [])  # type: ignore[attr-defined]

    def test_has_a_condition_a_word(self) -> None:
        assert [str(condition) for condition in TEXT.contains([])] == []
        text = "(((' ' || name) || ' ') || email)"
        assert [str(condition.left) for condition in TEXT.contains(words_of("a b"))] == [text, text]  # type: ignore[attr-defined]
