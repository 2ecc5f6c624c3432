"""What any text in a command must be: something to read, not too long, storable."""

import re
import unicodedata

from domain.errors import InvalidInput, Path

# Controls (NUL, which PostgreSQL cannot store, among them), line ends, overrides of the writing direction, which make
# a text look like another, and lone surrogates, which are no text at all.
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def line(value: str, path: Path, *, what: str, longest: int = 200) -> str:
    """Return one line of text in Unicode's composed form, without blanks around it.

    Raises InvalidInput where nothing is left, where it has more than `longest` characters or a control character.
    """
    if len(value) > 4 * longest:  # before normalising, whose cost grows with the length
        raise InvalidInput(_too_long(what, longest, len(value)), path)
    if _UNFIT.search(value):
        raise InvalidInput(f"{what} must not contain control characters or NUL: remove them.", path)
    text = unicodedata.normalize("NFC", value).strip()
    if not any(map(_is_seen, text)):
        raise InvalidInput(f"{what} must not be empty.", path)
    if len(text) > longest:
        raise InvalidInput(_too_long(what, longest, len(text)), path)
    return text


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) not in {"Cf", "Zs"}  # neither a mark that only formats nor a blank


def _too_long(what: str, longest: int, length: int) -> str:
    return f"{what} must have at most {longest} characters; this one has {length}."
