"""Amounts: exact, in a currency's own decimals, never below zero, never too large to be added up, never a float."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import order
from domain.events import OrderCreated
from domain.lifecycle import Status
from domain.money import LARGEST_PRICE, LARGEST_TOTAL, Currency
from domain.order import LARGEST_QUANTITY, MOST_LINES, Buyer, CatalogueItem, Line, OrderState, Pricing
from tests.support.deciding import invalid, refused
from tests.support.facts import ORDER_ID, TWO_TEAS, USER_ID

USD, JPY, KWD, CLF = (Currency.of(code) for code in ("USD", "JPY", "KWD", "CLF"))
EVERY = [USD, JPY, KWD, CLF]
every_currency = pytest.mark.parametrize("currency", EVERY, ids=lambda currency: currency.code)


class TestCurrency:
    @pytest.mark.parametrize(
        ("code", "exponent", "zero"),
        [("USD", 2, "0.00"), ("EUR", 2, "0.00"), ("JPY", 0, "0"), ("KWD", 3, "0.000"), ("CLF", 4, "0.0000")],
    )
    def test_has_the_decimals_of_its_smallest_unit(self, code: str, exponent: int, zero: str) -> None:
        assert Currency.of(code) == Currency(code=code, exponent=exponent)
        assert str(Currency.of(code).zero) == zero

    @pytest.mark.parametrize("code", ["XXX", "XTS", "XAU"])
    def test_is_refused_where_nobody_pays_with_it(self, code: str) -> None:
        with pytest.raises(ValueError, match=f"^{code} has no smallest unit$"):
            Currency.of(code)

    @pytest.mark.parametrize("code", ["ABC", "usd", " USD", "USD ", "US", "840", "US Dollar", ""])
    def test_is_refused_unless_iso_4217_has_that_code(self, code: str) -> None:
        with pytest.raises(ValueError, match="is not a valid Currency"):
            Currency.of(code)


class TestPrice:
    @pytest.mark.parametrize(
        ("currency", "given", "kept"),
        [
            (USD, "19.99", "19.99"),
            (USD, "5", "5.00"),
            (USD, "5.100", "5.10"),
            (USD, "1E+3", "1000.00"),
            (JPY, "1500", "1500"),
            (JPY, "1500.00", "1500"),
            (JPY, "1.5E+3", "1500"),
            (KWD, "1.5", "1.500"),
            (KWD, "0.005", "0.005"),
            (CLF, "0.0001", "0.0001"),
        ],
    )
    def test_has_exactly_the_decimals_of_its_currency(self, currency: Currency, given: str, kept: str) -> None:
        assert str(currency.price(Decimal(given), ("price",))) == kept

    @every_currency
    @pytest.mark.parametrize("given", ["0", "-0", "-0.00", "0E+999999", "-0E+999999", "0E-999999"])
    def test_may_be_zero_which_has_no_sign(self, currency: Currency, given: str) -> None:
        assert str(currency.price(Decimal(given), ("price",))) == str(currency.zero)

    @pytest.mark.parametrize(
        ("currency", "given", "message"),
        [
            (USD, "19.999", "The price must have at most two decimals, such as 20.00."),
            (USD, "0.001", "The price must have at most two decimals, such as 0.00."),
            (USD, "0.3000000000000000444", "The price must have at most two decimals, such as 0.30."),
            (USD, f"1.{'0' * 40}1", "The price must have at most two decimals, such as 1.00."),
            (JPY, "1.5", "The price must have no decimals, such as 2."),
            (JPY, "0.01", "The price must have no decimals, such as 0."),
            (KWD, "1.2345", "The price must have at most three decimals, such as 1.234."),
            (CLF, "1.23456", "The price must have at most four decimals, such as 1.2346."),
            (USD, "1000000000.01", "The price must be at most 1000000000.00."),
            (JPY, "1000000001", "The price must be at most 1000000000."),
            (KWD, "1000000000.001", "The price must be at most 1000000000.000."),
        ],
    )
    def test_is_refused_where_it_is_finer_or_larger(self, currency: Currency, given: str, message: str) -> None:
        assert refused(currency.price, Decimal(given), ("price",)) == invalid(message, "price")

    @every_currency
    @pytest.mark.parametrize("given", ["NaN", "-NaN", "sNaN", "NaN123", "Infinity", "-Infinity"])
    def test_is_refused_unless_it_is_a_number(self, currency: Currency, given: str) -> None:
        expected = invalid("The price must be a number such as 59.97.", "price")
        assert refused(currency.price, Decimal(given), ("price",)) == expected

    @every_currency
    @pytest.mark.parametrize("given", ["-1", "-0.01", "-1E-30", "-1E-999999", "-1E+999999"])
    def test_is_refused_below_zero(self, currency: Currency, given: str) -> None:
        expected = invalid("The price must not be below zero.", "price")
        assert refused(currency.price, Decimal(given), ("price",)) == expected

    @every_currency
    def test_is_refused_at_once_with_an_exponent_without_measure(self, currency: Currency) -> None:
        huge = refused(currency.price, Decimal("1E+999999"), ("price",))
        assert huge == invalid(f"The price must be at most {LARGEST_PRICE + currency.zero}.", "price")
        tiny = refused(currency.price, Decimal("1E-999999"), ("price",))
        assert tiny["message"].endswith(f"such as {currency.zero}.")

    @pytest.mark.parametrize("given", [0.1, 19.99, 5.0, float("nan")])
    def test_is_never_a_float(self, given: Any) -> None:
        with pytest.raises(AttributeError, match="float"):
            USD.price(given, ("price",))

    def test_is_refused_under_its_own_name(self) -> None:
        expected = invalid("The unit price must not be below zero.", "items", "0", "unitPrice")
        assert refused(USD.price, Decimal(-1), ("items", "0", "unitPrice"), what="The unit price") == expected

    @given(st.sampled_from(EVERY), st.integers(0, LARGEST_PRICE))
    def test_takes_every_amount_of_smallest_units_as_it_is(self, currency: Currency, units: int) -> None:
        price = currency.price(Decimal(units).scaleb(-currency.exponent), ())
        assert price.as_tuple().exponent == -currency.exponent
        assert price.scaleb(currency.exponent) == units


def ordered(currency: Currency, price: Decimal, *quantities: int) -> OrderCreated:
    """Decide on an order of as many products as there are quantities, all of that price."""
    products = [UUID(int=number) for number in range(len(quantities))]
    return order.create(
        order_id=ORDER_ID,
        number="100001",
        buyer=Buyer(user_id=USER_ID, name="Ada", email="ada@example.com"),
        lines=[Line(product_id=product, quantity=many) for product, many in zip(products, quantities, strict=True)],
        catalogue={
            product: CatalogueItem(
                product_id=product,
                sku="TEA",
                name="Tea",
                price=price,
                currency=currency.code,
                stock=None,
                retired=False,
            )
            for product in products
        },
        expected_total=None,
        pricing=Pricing(currency=currency, may_set_prices=False),
    )


class TestTheTotal:
    @pytest.mark.parametrize(
        ("currency", "price", "total"),
        [(USD, "0.10", "0.30"), (JPY, "333", "999"), (KWD, "0.333", "0.999"), (CLF, "0.0001", "0.0003")],
    )
    def test_is_exact_in_every_currency(self, currency: Currency, price: str, total: str) -> None:
        assert str(ordered(currency, Decimal(price), 1, 2).total) == total

    @every_currency
    def test_may_be_the_largest(self, currency: Currency) -> None:
        largest = LARGEST_PRICE + currency.zero
        assert ordered(currency, largest, 999, 1).total == LARGEST_TOTAL

    @every_currency
    def test_is_refused_by_one_smallest_unit_more(self, currency: Currency) -> None:
        smallest = Decimal(1).scaleb(-currency.exponent)
        fits = ordered(currency, LARGEST_PRICE + currency.zero, 1000)
        more = [*fits.lines, *ordered(currency, smallest, 1).lines]
        expected = invalid(f"The order total must be at most {LARGEST_TOTAL}; split the order.", "items")
        assert refused(order._total, more, ("items",)) == expected

    @every_currency
    def test_is_refused_where_everything_is_as_large_as_it_may_be(self, currency: Currency) -> None:
        largest = LARGEST_PRICE - Decimal(1).scaleb(-currency.exponent)
        expected = invalid(f"The order total must be at most {LARGEST_TOTAL}; split the order.", "items")
        assert refused(ordered, currency, largest, *[LARGEST_QUANTITY] * MOST_LINES) == expected

    @given(
        st.lists(st.tuples(st.integers(1, 10**13), st.integers(1, LARGEST_QUANTITY)), min_size=1, max_size=MOST_LINES)
    )
    def test_loses_nothing_of_what_is_added_up(self, priced: list[tuple[int, int]]) -> None:
        lines = tuple(
            replace(TWO_TEAS, unit_price=Decimal(units).scaleb(-4), quantity=quantity) for units, quantity in priced
        )
        state = OrderState(
            currency="USD", order_id=ORDER_ID, user_id=USER_ID, status=Status.PENDING, version=1, lines=lines
        )
        assert state.total.scaleb(4) == sum(units * quantity for units, quantity in priced)
