"""Adding a product: a sku, a name, a price, and a stock that is counted or not."""

from decimal import Decimal
from typing import Any

import pytest

from domain import product
from domain.events import ProductAdded
from tests.support.deciding import invalid, refused
from tests.support.facts import TEA_ID

OUT_OF_BOUNDS = "The stock must be between 0 and 1000000000; leave it out where it is not counted."


def add(**given: Any) -> ProductAdded:
    tea: dict[str, Any] = {"product_id": TEA_ID, "sku": "TEA", "name": "Tea", "price": Decimal("9.99"), "stock": 100}
    return product.add(**tea | given)


class TestAdd:
    def test_is_a_fact_with_its_text_tidied_and_its_price_in_cents(self) -> None:
        assert add(sku=" TEA ", name=" Th\u0065\u0301 ", price=Decimal("9.9")) == ProductAdded(
            product_id=TEA_ID, sku="TEA", name="Th\u00e9", price=Decimal("9.90"), currency="USD", stock=100
        )

    @pytest.mark.parametrize("stock", [None, 0, 1, 1_000_000_000])
    def test_keeps_its_stock_counted_or_not(self, stock: int | None) -> None:
        assert add(stock=stock).stock == stock

    @pytest.mark.parametrize("stock", [-1, 1_000_000_001, -(2**70), 2**70])
    def test_is_refused_with_a_stock_out_of_bounds(self, stock: int) -> None:
        assert refused(add, stock=stock) == invalid(OUT_OF_BOUNDS, "stock")

    @pytest.mark.parametrize(
        ("given", "message", "field"),
        [
            ({"sku": ""}, "The sku must not be empty.", "sku"),
            ({"sku": "a" * 65}, "The sku must have at most 64 characters; this one has 65.", "sku"),
            ({"sku": "T\0"}, "The sku must not contain control characters or NUL: remove them.", "sku"),
            ({"name": " "}, "The name must not be empty.", "name"),
            ({"name": "a" * 201}, "The name must have at most 200 characters; this one has 201.", "name"),
            ({"price": Decimal("-0.01")}, "The price must not be below zero.", "price"),
            ({"price": Decimal("9.999")}, "The price must have at most two decimals, such as 10.00.", "price"),
            ({"price": Decimal("NaN")}, "The price must be a number such as 59.97.", "price"),
        ],
    )
    def test_is_refused_where_a_field_does_not_fit(self, given: dict[str, Any], message: str, field: str) -> None:
        assert refused(add, **given) == invalid(message, field)

    def test_may_be_a_gift(self) -> None:
        assert add(price=Decimal(0)).price == Decimal("0.00")
