"""Money: exact decimal amounts in the currency of this shop, never a float."""

from decimal import Decimal

from domain.errors import InvalidInput, Path

CURRENCY = "USD"
CENT = Decimal("0.01")
LARGEST_PRICE = Decimal("1000000000.00")


def price(amount: Decimal, path: Path, *, what: str = "The price") -> Decimal:
    """Return `amount` with exactly two decimals; zero is a price (a gift), below zero or a third decimal is not."""
    if not amount.is_finite():
        raise InvalidInput(f"{what} must be a number such as 59.97.", path)
    if amount < 0:
        raise InvalidInput(f"{what} must not be below zero.", path)
    if amount > LARGEST_PRICE:
        raise InvalidInput(f"{what} must be at most {LARGEST_PRICE}.", path)
    exact = amount.quantize(CENT)
    if exact != amount:
        raise InvalidInput(f"{what} must have at most two decimals, such as {exact}.", path)
    return abs(exact)  # -0.00 is 0.00
