"""Prices: finite, not below zero, at most two decimals, and kept with exactly two."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import price
from tests.support.deciding import invalid, refused


class TestPrice:
    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("19.99", "19.99"),
            ("0", "0.00"),
            ("-0.00", "0.00"),
            ("5", "5.00"),
            ("5.100", "5.10"),
            ("1E+3", "1000.00"),
            ("1000000000", "1000000000.00"),
        ],
    )
    def test_has_exactly_two_decimals(self, given: str, kept: str) -> None:
        assert str(price(Decimal(given), ("price",))) == kept

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ("NaN", "The price must be a number such as 59.97."),
            ("sNaN", "The price must be a number such as 59.97."),
            ("Infinity", "The price must be a number such as 59.97."),
            ("-Infinity", "The price must be a number such as 59.97."),
            ("-0.01", "The price must not be below zero."),
            ("-1E-30", "The price must not be below zero."),
            ("1000000000.01", "The price must be at most 1000000000.00."),
            ("1E+999999", "The price must be at most 1000000000.00."),
            ("0.001", "The price must have at most two decimals, such as 0.00."),
            ("19.999", "The price must have at most two decimals, such as 20.00."),
            ("0.3000000000000000444", "The price must have at most two decimals, such as 0.30."),
            ("1E-999999", "The price must have at most two decimals, such as 0.00."),
        ],
    )
    def test_is_refused_unless_it_is_an_amount_of_cents(self, given: str, message: str) -> None:
        assert refused(price, Decimal(given), ("price",)) == invalid(message, "price")

    def test_is_refused_under_its_own_name(self) -> None:
        expected = invalid("The unit price must not be below zero.", "items", "0", "unitPrice")
        assert refused(price, Decimal(-1), ("items", "0", "unitPrice"), what="The unit price") == expected

    @given(st.integers(0, 10**11))
    def test_takes_every_amount_of_cents_as_it_is(self, cents: int) -> None:
        assert price(Decimal(cents).scaleb(-2), ()) * 100 == cents
