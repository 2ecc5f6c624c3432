"""Users: a name to read, an address to write to, and both may change."""

import pytest

from domain.events import UserEmailChanged, UserRegistered, UserRenamed
from domain.user import change_email, email_key, register, rename
from tests.support.deciding import invalid, refused
from tests.support.facts import USER_ID
from tests.support.shop import USD

NO_ADDRESS = "This is not an e-mail address: write it like ada@example.com."

UNFIT_NAMES = [
    ("", "The name must not be empty."),
    ("   ", "The name must not be empty."),
    ("a" * 201, "The name must have at most 200 characters; this one has 201."),
    ("a" * 10_000, "The name must have at most 200 characters; this one has 10000."),
    ("Ada\0", "The name must not contain control characters or NUL: remove them."),
    ("Ada\ud800", "The name must not contain control characters or NUL: remove them."),
]
ADDRESSES = [
    "ada@example.com",
    "ADA.Lovelace+tea@Example.co.uk",
    "o'brien@example.com",
    "ada@m\u00fcnchen.de",
    "ada@xn--mnchen-3ya.de",
    "\u4e2d\u6587@example.com",
    "a@b.co",
    "ada@a-b.example",
    "a" * 242 + "@example.com",
]
NO_ADDRESSES = [
    "ada",
    "ada@",
    "@example.com",
    "ada@localhost",
    "ada@@example.com",
    "ada@example..com",
    "ada@.example.com",
    "ada@example.com.",
    "ada@-example.com",
    "ada@example-.com",
    "ada lovelace@example.com",
    "ada@example .com",
    "mailto:ada@example.com",
    "Ada <ada@example.com>",
    "ada@example.com,bob@example.com",
    "ada@example.com;bob@example.com",
    '"ada"@example.com',
    "ada@[127.0.0.1]",
    "ada\\@example.com",
]
UNFIT_ADDRESSES = [
    *((email, NO_ADDRESS) for email in NO_ADDRESSES),
    ("", "The e-mail address must not be empty."),
    ("a" * 243 + "@example.com", "The e-mail address must have at most 254 characters; this one has 255."),
    ("a\0@example.com", "The e-mail address must not contain control characters or NUL: remove them."),
    ("ada@example.com\nBcc: x", "The e-mail address must not contain control characters or NUL: remove them."),
]


class TestRegister:
    def test_is_a_fact_with_its_text_tidied(self) -> None:
        fact = register(user_id=USER_ID, name=" Zoe\u0308 ", email=" Zoe@Example.com ", currency=USD)
        assert fact == UserRegistered(user_id=USER_ID, name="Zo\u00eb", email="Zoe@Example.com", currency="USD")

    @pytest.mark.parametrize(("name", "message"), UNFIT_NAMES)
    def test_is_refused_without_a_name(self, name: str, message: str) -> None:
        given = {"user_id": USER_ID, "name": name, "email": "ada@example.com", "currency": USD}
        assert refused(register, **given) == invalid(message, "name")

    @pytest.mark.parametrize("email", ADDRESSES)
    def test_takes_an_address(self, email: str) -> None:
        assert register(user_id=USER_ID, name="Ada", email=email, currency=USD).email == email

    @pytest.mark.parametrize(("email", "message"), UNFIT_ADDRESSES)
    def test_is_refused_without_an_address(self, email: str, message: str) -> None:
        given = {"user_id": USER_ID, "name": "Ada", "email": email, "currency": USD}
        assert refused(register, **given) == invalid(message, "email")

    def test_does_not_take_for_ever_over_a_hostile_address(self) -> None:
        hostile = "a@" + "a-" * 120 + "!"
        given = {"user_id": USER_ID, "name": "Ada", "email": hostile, "currency": USD}
        assert refused(register, **given) == invalid(NO_ADDRESS, "email")


class TestRename:
    def test_is_a_fact_with_the_name_tidied(self) -> None:
        assert rename(user_id=USER_ID, name=" Zoe\u0308 ") == UserRenamed(user_id=USER_ID, name="Zo\u00eb")

    @pytest.mark.parametrize(("name", "message"), UNFIT_NAMES)
    def test_is_refused_without_a_name(self, name: str, message: str) -> None:
        assert refused(rename, user_id=USER_ID, name=name) == invalid(message, "name")


class TestChangeEmail:
    def test_is_a_fact_with_the_address_tidied_and_its_letters_as_they_are(self) -> None:
        fact = change_email(user_id=USER_ID, email=" Zoe@Example.com ")
        assert fact == UserEmailChanged(user_id=USER_ID, email="Zoe@Example.com")

    @pytest.mark.parametrize("email", ADDRESSES)
    def test_takes_an_address(self, email: str) -> None:
        assert change_email(user_id=USER_ID, email=email) == UserEmailChanged(user_id=USER_ID, email=email)

    @pytest.mark.parametrize(("email", "message"), UNFIT_ADDRESSES)
    def test_is_refused_without_an_address(self, email: str, message: str) -> None:
        assert refused(change_email, user_id=USER_ID, email=email) == invalid(message, "email")


class TestEmailKey:
    def test_is_shared_by_spellings_of_one_address(self) -> None:
        assert email_key("ADA@Example.COM") == email_key("ada@example.com") == "ada@example.com"

    def test_differs_between_addresses(self) -> None:
        assert email_key("ada@example.com") != email_key("ada@example.org")
