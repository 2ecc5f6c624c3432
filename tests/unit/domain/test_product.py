"""Products: a sku, a name, a price, a stock that is counted or not; all but the sku may change, and it may end."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from domain import product
from domain.events import ProductAdded, ProductPriceChanged, ProductRenamed, ProductRestocked, ProductRetired
from domain.money import Currency
from domain.product import ProductState
from tests.support.deciding import invalid, refused
from tests.support.facts import TEA_ID
from tests.support.shop import USD

TEA = ProductState(product_id=TEA_ID, stock=100, retired=False, version=1)
OUT_OF_BOUNDS = "The stock must be between 0 and 1000000000; leave it out where it is not counted."
UNFIT_NAMES = [
    (" ", "The name must not be empty."),
    ("a" * 201, "The name must have at most 200 characters; this one has 201."),
    ("T\0", "The name must not contain control characters or NUL: remove them."),
]
UNFIT_PRICES = [
    ("-0.01", "The price must not be below zero."),
    ("9.999", "The price must have at most two decimals, such as 10.00."),
    ("NaN", "The price must be a number such as 59.97."),
    ("1000000000.01", "The price must be at most 1000000000.00."),
]


def add(**given: Any) -> ProductAdded:
    tea: dict[str, Any] = {"product_id": TEA_ID, "sku": "TEA", "name": "Tea", "price": Decimal("9.99"), "stock": 100}
    return product.add(**tea | {"currency": USD} | given)


class TestAdd:
    def test_is_a_fact_with_its_text_tidied_and_its_price_in_cents(self) -> None:
        assert add(sku=" TEA ", name=" Th\u0065\u0301 ", price=Decimal("9.9")) == ProductAdded(
            product_id=TEA_ID, sku="TEA", name="Th\u00e9", price=Decimal("9.90"), currency="USD", stock=100
        )

    def test_is_priced_in_the_shop_s_currency(self) -> None:
        added = add(price=Decimal("1.234"), currency=Currency.of("BHD"))
        assert (added.currency, str(added.price)) == ("BHD", "1.234")

    @pytest.mark.parametrize("stock", [None, 0, 1, 1_000_000_000])
    def test_keeps_its_stock_counted_or_not(self, stock: int | None) -> None:
        assert add(stock=stock).stock == stock

    @pytest.mark.parametrize("stock", [-1, 1_000_000_001, -(2**70), 2**70])
    def test_is_refused_with_a_stock_out_of_bounds(self, stock: int) -> None:
        assert refused(add, stock=stock) == invalid(OUT_OF_BOUNDS, "stock")

    @pytest.mark.parametrize(
        ("sku", "message"),
        [
            ("", "The sku must not be empty."),
            ("a" * 65, "The sku must have at most 64 characters; this one has 65."),
            ("T\0", "The sku must not contain control characters or NUL: remove them."),
        ],
    )
    def test_is_refused_without_a_sku(self, sku: str, message: str) -> None:
        assert refused(add, sku=sku) == invalid(message, "sku")

    @pytest.mark.parametrize(("name", "message"), UNFIT_NAMES)
    def test_is_refused_without_a_name(self, name: str, message: str) -> None:
        assert refused(add, name=name) == invalid(message, "name")

    @pytest.mark.parametrize(("price", "message"), UNFIT_PRICES)
    def test_is_refused_with_a_price_that_is_none(self, price: str, message: str) -> None:
        assert refused(add, price=Decimal(price)) == invalid(message, "price")

    def test_may_be_a_gift(self) -> None:
        assert add(price=Decimal(0)).price == Decimal("0.00")


class TestRename:
    def test_is_a_fact_with_the_name_tidied(self) -> None:
        assert product.rename(TEA, name=" Th\u0065\u0301 ") == ProductRenamed(product_id=TEA_ID, name="Th\u00e9")

    @pytest.mark.parametrize(("name", "message"), UNFIT_NAMES)
    def test_is_refused_without_a_name(self, name: str, message: str) -> None:
        assert refused(product.rename, TEA, name=name) == invalid(message, "name")


class TestChangePrice:
    @pytest.mark.parametrize(("price", "exact"), [("9.9", "9.90"), ("0", "0.00"), ("1000000000", "1000000000.00")])
    def test_is_a_fact_in_cents(self, price: str, exact: str) -> None:
        fact = product.change_price(TEA, price=Decimal(price), currency=USD)
        assert fact == ProductPriceChanged(product_id=TEA_ID, price=Decimal(exact), currency="USD")
        assert str(fact.price) == exact

    def test_is_in_the_shop_s_currency(self) -> None:
        fact = product.change_price(TEA, price=Decimal(1200), currency=Currency.of("JPY"))
        assert fact == ProductPriceChanged(product_id=TEA_ID, price=Decimal(1200), currency="JPY")

    @pytest.mark.parametrize(("price", "message"), UNFIT_PRICES)
    def test_is_refused_with_a_price_that_is_none(self, price: str, message: str) -> None:
        given = {"price": Decimal(price), "currency": USD}
        assert refused(product.change_price, TEA, **given) == invalid(message, "price")


class TestRestock:
    @pytest.mark.parametrize("quantity", [1, 999_999_900, -1, -100])
    def test_adds_pieces_or_takes_away_what_there_is(self, quantity: int) -> None:
        fact = product.restock(TEA, quantity=quantity)
        assert fact == ProductRestocked(product_id=TEA_ID, quantity=quantity)

    def test_is_for_retired_products_too(self) -> None:
        fact = product.restock(replace(TEA, retired=True), quantity=-5)
        assert fact == ProductRestocked(product_id=TEA_ID, quantity=-5)

    def test_is_refused_where_the_stock_is_not_counted(self) -> None:
        message = "The stock of this product is not counted: it can always be ordered."
        assert refused(product.restock, replace(TEA, stock=None), quantity=1) == invalid(message, "productId")

    def test_is_refused_with_nothing_to_add(self) -> None:
        message = "The quantity must not be 0: give the pieces to add, or below zero to take away."
        assert refused(product.restock, TEA, quantity=0) == invalid(message, "quantity")

    @pytest.mark.parametrize("taken", [1_000_000_001, 2**31, 2**70])
    def test_is_refused_where_more_is_taken_away_than_there_can_be(self, taken: int) -> None:
        message = "At most 1000000000 pieces can be taken away."
        assert refused(product.restock, TEA, quantity=-taken) == invalid(message, "quantity")

    @pytest.mark.parametrize("taken", [101, 1_000_000_000])
    def test_is_refused_where_more_is_taken_away_than_there_is(self, taken: int) -> None:
        assert refused(product.restock, TEA, quantity=-taken) == {
            "code": "INSUFFICIENT_STOCK",
            "message": f"There are 100 in stock: {taken} cannot be taken away.",
            "path": ("quantity",),
            "product_id": TEA_ID,
            "requested": taken,
            "available": 100,
        }

    @pytest.mark.parametrize("quantity", [999_999_901, 2**70])
    def test_is_refused_where_it_would_be_more_than_a_stock_can_be(self, quantity: int) -> None:
        message = "The stock must be at most 1000000000; there are 100."
        assert refused(product.restock, TEA, quantity=quantity) == invalid(message, "quantity")


class TestRetire:
    def test_is_a_fact_once(self) -> None:
        assert product.retire(TEA) == ProductRetired(product_id=TEA_ID)

    def test_is_refused_the_second_time(self) -> None:
        message = "This product is retired already."
        assert refused(product.retire, replace(TEA, retired=True)) == invalid(message, "productId")
