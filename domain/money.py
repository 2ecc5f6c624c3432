"""Money: exact decimal amounts in the currency of this shop, never a float."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

import iso4217

from domain.errors import InvalidInput, Path

LARGEST_PRICE = 1_000_000_000
LARGEST_TOTAL = 1_000_000_000_000
_DECIMALS = (
    "no decimals",
    "at most one decimal",
    "at most two decimals",
    "at most three decimals",
    "at most four decimals",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Currency:
    """A currency by its ISO 4217 code, with as many decimals as its smallest unit has there."""

    code: str
    exponent: int

    @classmethod
    @cache
    def of(cls, code: str) -> "Currency":
        """Return a currency; raise ValueError where ISO 4217 has none of that code, or none that is spent."""
        exponent = iso4217.Currency(code).exponent
        if exponent is None:
            raise ValueError(f"{code} has no smallest unit")
        return cls(code=code, exponent=exponent)

    @property
    def zero(self) -> Decimal:
        return Decimal(0).scaleb(-self.exponent)

    def price(self, amount: Decimal, path: Path, *, what: str = "The price") -> Decimal:
        """Return `amount` with exactly this currency's decimals; zero is a price (a gift), less or finer is not."""
        if not amount.is_finite():
            raise InvalidInput(f"{what} must be a number such as 59.97.", path)
        if amount < 0:
            raise InvalidInput(f"{what} must not be below zero.", path)
        if amount > LARGEST_PRICE:
            raise InvalidInput(f"{what} must be at most {LARGEST_PRICE + self.zero}.", path)
        exact = amount.quantize(self.zero)
        if exact != amount:
            raise InvalidInput(f"{what} must have {_DECIMALS[self.exponent]}, such as {exact}.", path)
        return abs(exact)  # -0.00 is 0.00
