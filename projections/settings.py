"""What the read side needs to know from outside."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSettings:
    """`database_url` is a PostgreSQL URL without a driver, such as postgresql://user:password@host/tandem_read."""

    database_url: str
