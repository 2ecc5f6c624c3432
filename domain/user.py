"""The rules of users, pure: input to facts, or a refusal."""

import re
from uuid import UUID

from domain.errors import InvalidInput, Path
from domain.events import UserRegistered
from domain.text import line

LONGEST_EMAIL = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets
_EMAIL = re.compile(r"[^\s@\"(),:;<>\[\]\\]+@(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W_](?:[\w-]*[^\W_])?")


def register(*, user_id: UUID, name: str, email: str) -> UserRegistered:
    return UserRegistered(
        user_id=user_id,
        name=line(name, ("name",), what="The name"),
        email=_email(email, ("email",)),
    )


def email_key(email: str) -> str:
    """Return what two spellings of one address share."""
    return email.casefold()


def _email(value: str, path: Path) -> str:
    email = line(value, path, what="The e-mail address", longest=LONGEST_EMAIL)
    if not _EMAIL.fullmatch(email):
        raise InvalidInput("This is not an e-mail address: write it like ada@example.com.", path)
    return email
