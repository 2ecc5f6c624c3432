"""Refusals: what a command is told instead of being carried out, with a stable code and a sentence to act on."""

from decimal import Decimal
from uuid import UUID

Path = tuple[str, ...]


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a defect
    """A command that was understood and not carried out; nothing of it was written.

    `message` tells the sender what to do; `path` names the input field that is to blame, outermost first.
    """

    code: str

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class InvalidInput(Refusal):
    code = "INVALID_INPUT"


class NotFound(Refusal):
    code = "NOT_FOUND"

    def __init__(self, message: str, path: Path, *, id: UUID) -> None:  # noqa: A002 - the contract's name
        super().__init__(message, path)
        self.id = id


class AlreadyExists(Refusal):
    code = "ALREADY_EXISTS"

    def __init__(self, message: str, path: Path, *, id: UUID | None = None) -> None:  # noqa: A002 - the contract's name
        super().__init__(message, path)
        self.id = id


class VersionConflict(Refusal):
    code = "VERSION_CONFLICT"

    def __init__(self, *, expected: int, current: int) -> None:
        super().__init__(
            f"Version {expected} was expected, but the current one is {current}: read it again, then decide anew.",
            ("expectedVersion",),
        )
        self.expected_version = expected
        self.current_version = current


class InvalidTransition(Refusal):
    code = "INVALID_TRANSITION"

    def __init__(self, message: str, path: Path, *, status: str, action: str) -> None:
        super().__init__(message, path)
        self.status = status
        self.action = action


class InsufficientStock(Refusal):
    code = "INSUFFICIENT_STOCK"

    def __init__(self, message: str, path: Path, *, product_id: UUID, requested: int, available: int) -> None:
        super().__init__(message, path)
        self.product_id = product_id
        self.requested = requested
        self.available = available


class TotalMismatch(Refusal):
    code = "TOTAL_MISMATCH"

    def __init__(self, message: str, path: Path, *, expected_total: Decimal, actual_total: Decimal) -> None:
        super().__init__(message, path)
        self.expected_total = expected_total
        self.actual_total = actual_total


class IdempotencyKeyReused(Refusal):
    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__(
            "This idempotencyKey was used with another input. Send the same input again, or take a new key.",
            ("idempotencyKey",),
        )
