"""What a command handler is given, and what it gives back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.errors import VersionConflict
from domain.events import Fact
from domain.money import Currency
from domain.order import Pricing
from domain.statements import Connection, Write


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who sends a command; `id` is what receipts and events know this sender by."""

    id: str
    staff: bool = False
    user_id: UUID | None = None
    """The user whose orders alone this sender knows of; None: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """The write store inside one transaction, and all that a rule may not fetch for itself: time, ids, the sender."""

    connection: Connection
    actor: Actor
    currency: Currency
    now: datetime
    new_id: Callable[[], UUID]
    expected_version: int | None
    dry_run: bool

    @property
    def pricing(self) -> Pricing:
        return Pricing(currency=self.currency, may_set_prices=self.actor.staff)

    def expect(self, version: int) -> None:
        """Refuse with VersionConflict where the sender expects another version than the current one."""
        if self.expected_version is not None and self.expected_version != version:
            raise VersionConflict(expected=self.expected_version, current=version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a handler decided: one fact of one stream, to be appended to the log, and the rows to be written before.

    `version` is the stream's after the fact. What `writes` change is locked in their order.
    """

    stream_type: str
    stream_id: UUID
    partition: int
    version: int
    fact: Fact
    writes: Sequence[Write]
