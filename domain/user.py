"""The rules of users, pure: input to facts, or a refusal."""

import re
from uuid import UUID

from domain.errors import InvalidInput
from domain.events import UserEmailChanged, UserRegistered, UserRenamed
from domain.money import Currency
from domain.text import line

LONGEST_EMAIL = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets
_EMAIL = re.compile(r"[^\s@\"(),:;<>\[\]\\]+@(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W_](?:[\w-]*[^\W_])?")


def register(*, user_id: UUID, name: str, email: str, currency: Currency) -> UserRegistered:
    return UserRegistered(user_id=user_id, name=_name(name), email=_email(email), currency=currency.code)


def rename(*, user_id: UUID, name: str) -> UserRenamed:
    return UserRenamed(user_id=user_id, name=_name(name))


def change_email(*, user_id: UUID, email: str) -> UserEmailChanged:
    return UserEmailChanged(user_id=user_id, email=_email(email))


def email_key(email: str) -> str:
    """Return what two spellings of one address share."""
    return email.casefold()


def _name(value: str) -> str:
    return line(value, ("name",), what="The name")


def _email(value: str) -> str:
    email = line(value, ("email",), what="The e-mail address", longest=LONGEST_EMAIL)
    if not _EMAIL.fullmatch(email):
        raise InvalidInput("This is not an e-mail address: write it like ada@example.com.", ("email",))
    return email
