"""What every search of a list has in common."""

from api.errors import BadUserInput
from projections.search import Word, words_of

LONGEST = 200
MOST_WORDS = 10


def words(search: str | None) -> tuple[Word, ...]:
    """Return the words of `where.search`, none where nothing is searched for; BadUserInput says what is wrong."""
    if search is None:
        return ()
    if len(search) > LONGEST:
        raise BadUserInput(f"where.search must have at most {LONGEST} characters; this one has {len(search)}.")
    if "\0" in search:
        raise BadUserInput("where.search must not contain NUL: remove it.")
    found = words_of(search)
    if len(found) > MOST_WORDS:
        raise BadUserInput(f"where.search must have at most {MOST_WORDS} words; this one has {len(found)}.")
    return found
