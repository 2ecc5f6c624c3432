"""What every search of a list has in common."""

from api.errors import BadUserInput
from projections.search import Word, words_of

LONGEST = 200
MOST_WORDS = 10


def words(search: str | None, argument: str = "search") -> tuple[Word, ...]:
    """Return the words to be found, none where nothing is searched for; raise BadUserInput where they are too many."""
    if search is None:
        return ()
    if len(search) > LONGEST or "\0" in search:
        raise BadUserInput(f"{argument} must be text of at most {LONGEST} characters.")
    found = words_of(search)
    if len(found) > MOST_WORDS:
        raise BadUserInput(f"{argument} must have at most {MOST_WORDS} words; this one has {len(found)}.")
    return found
