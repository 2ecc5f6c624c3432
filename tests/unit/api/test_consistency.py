"""Tokens: a place in the log, given out and taken back unchanged."""

from base64 import urlsafe_b64encode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.consistency import Token
from api.errors import ApiError


def encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


class TestToken:
    @given(st.integers(0, 63), st.integers(1, 2**63 - 1))
    def test_is_read_as_it_was_given_out(self, partition: int, position: int) -> None:
        token = Token(partition=partition, position=position)
        assert Token.parse(str(token)) == token

    @given(st.integers(0, 63), st.integers(1, 2**63 - 1), st.uuids())
    def test_of_a_row_is_read_as_it_was_given_out(self, partition: int, position: int, row: UUID) -> None:
        token = Token(partition=partition, position=position, row=row)
        assert Token.parse(str(token)) == token

    def test_looks_the_same_for_ever(self) -> None:
        assert str(Token(partition=17, position=12345)) == "MS4xNy4xMjM0NQ"

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "A",
            "token",
            "\u00e9",
            "\ud800",
            "MS4xNy4xMjM0NQ!",
            "MS4x Ny4xMjM0NQ",
            encoded(""),
            encoded("1.17"),
            encoded("1.17.1.1"),
            encoded("1.17.1."),
            encoded(f"1.17.1.{'0' * 32}.1"),
            encoded("2.17.1"),
            encoded("1.64.1"),
            encoded("1.-1.1"),
            encoded("1.17.0"),
            encoded("1.17.-1"),
            encoded(f"1.17.{2**63}"),
            encoded("1.17.one"),
            encoded("1.17.1e3"),
            encoded("1.17." + "9" * 10_000),
            encoded("1.\u0661\u0667.1"),
            urlsafe_b64encode(b"\xff.\xff.\xff").decode(),
        ],
    )
    def test_is_refused_unless_it_is_one(self, value: str) -> None:
        with pytest.raises(ApiError) as caught:
            Token.parse(value)
        assert caught.value.formatted == {
            "message": "This is not a consistency token: give one that a command returned, unchanged.",
            "extensions": {"code": "INVALID_TOKEN"},
        }
