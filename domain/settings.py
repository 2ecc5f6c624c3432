"""What the write side needs to know from outside."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteSettings:
    """`database_url` is a PostgreSQL URL without a driver, such as postgresql://user:password@host/tandem_write."""

    database_url: str
    currency: str = "USD"
    """The ISO 4217 code of all prices; chosen once, before the first product."""
