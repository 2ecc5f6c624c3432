"""What a mutation answers: the receipt of a command that was carried out, or a refusal as data."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import strawberry

from api.consistency import Token
from api.context import Info
from api.scalars import ConsistencyToken
from api.shown import Kind
from api.types.order import Order
from api.types.product import Product
from api.types.user import User
from domain import errors
from domain.bus import Accepted
from domain.lifecycle import Action, Status
from projections.statements import Found, found
from projections.views import products_view, user_orders_view, users_view

K = TypeVar("K", bound=Kind)


@strawberry.enum
class ErrorCode(StrEnum):
    INVALID_INPUT = "INVALID_INPUT"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    INVALID_TRANSITION = "INVALID_TRANSITION"
    INSUFFICIENT_STOCK = "INSUFFICIENT_STOCK"
    TOTAL_MISMATCH = "TOTAL_MISMATCH"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"


@strawberry.interface
class UserError:
    code: ErrorCode
    message: str
    path: list[str] = strawberry.field(description="The input field that is to blame.")


@strawberry.type
class InvalidInput(UserError):
    pass


@strawberry.type
class NotFound(UserError):
    id: strawberry.ID


@strawberry.type
class AlreadyExists(UserError):
    id: strawberry.ID | None


@strawberry.type
class VersionConflict(UserError):
    expected_version: int
    current_version: int


@strawberry.type
class InvalidTransition(UserError):
    status: Status
    action: Action


@strawberry.type
class InsufficientStock(UserError):
    product_id: strawberry.ID
    requested: int
    available: int


@strawberry.type
class TotalMismatch(UserError):
    expected_total: Decimal
    actual_total: Decimal


@strawberry.type
class IdempotencyKeyReused(UserError):
    pass


_TOKEN = "Null for a dry run."  # noqa: S105 - a description
_REPLAYED = "This idempotencyKey was carried out before; this is its stored answer, and nothing was done again."
_AFTER = (
    "The {} at or after this command. Selecting it waits for the projection, for a bounded time; null when the time "
    "is over: query again with the token. For a dry run: the {} as it would be."
)


@strawberry.type
class OrderAccepted:
    order_id: strawberry.ID
    version: int
    token: ConsistencyToken | None = strawberry.field(description=_TOKEN)
    replayed: bool = strawberry.field(description=_REPLAYED)
    accepted: strawberry.Private[Accepted]

    @strawberry.field(description=_AFTER.format("order", "order"))
    async def order(self, info: Info) -> Order | None:
        row = found(user_orders_view.by_id, order_id=self.accepted.stream_id)
        return await _after(info, self.accepted, Order, row)

    @classmethod
    def of(cls, accepted: Accepted) -> "OrderAccepted":
        return cls(order_id=strawberry.ID(str(accepted.stream_id)), accepted=accepted, **_receipt(accepted))


@strawberry.type
class UserAccepted:
    user_id: strawberry.ID
    version: int
    token: ConsistencyToken | None = strawberry.field(description=_TOKEN)
    replayed: bool = strawberry.field(description=_REPLAYED)
    accepted: strawberry.Private[Accepted]

    @strawberry.field(description=_AFTER.format("user", "user"))
    async def user(self, info: Info) -> User | None:
        row = found(users_view.by_id, user_id=self.accepted.stream_id)
        return await _after(info, self.accepted, User, row)

    @classmethod
    def of(cls, accepted: Accepted) -> "UserAccepted":
        return cls(user_id=strawberry.ID(str(accepted.stream_id)), accepted=accepted, **_receipt(accepted))


@strawberry.type
class ProductAccepted:
    product_id: strawberry.ID
    version: int
    token: ConsistencyToken | None = strawberry.field(description=_TOKEN)
    replayed: bool = strawberry.field(description=_REPLAYED)
    accepted: strawberry.Private[Accepted]

    @strawberry.field(description=_AFTER.format("product", "product"))
    async def product(self, info: Info) -> Product | None:
        row = found(products_view.by_id, product_id=self.accepted.stream_id)
        return await _after(info, self.accepted, Product, row)

    @classmethod
    def of(cls, accepted: Accepted) -> "ProductAccepted":
        return cls(product_id=strawberry.ID(str(accepted.stream_id)), accepted=accepted, **_receipt(accepted))


OrderResult = Annotated[
    OrderAccepted
    | InvalidInput
    | NotFound
    | AlreadyExists
    | VersionConflict
    | InvalidTransition
    | InsufficientStock
    | TotalMismatch
    | IdempotencyKeyReused,
    strawberry.union("OrderResult"),
]
UserResult = Annotated[
    UserAccepted | InvalidInput | NotFound | AlreadyExists | VersionConflict | IdempotencyKeyReused,
    strawberry.union("UserResult"),
]
ProductResult = Annotated[
    ProductAccepted
    | InvalidInput
    | NotFound
    | AlreadyExists
    | VersionConflict
    | InsufficientStock
    | IdempotencyKeyReused,
    strawberry.union("ProductResult"),
]


def refused(refusal: errors.Refusal) -> UserError:  # noqa: PLR0911 - one a kind
    """Return a refusal as the contract shows it. The one place where the two meet."""
    common: dict[str, Any] = {
        "code": ErrorCode(refusal.code),
        "message": refusal.message,
        "path": list(refusal.path),
    }
    match refusal:
        case errors.NotFound():
            return NotFound(id=strawberry.ID(str(refusal.id)), **common)
        case errors.AlreadyExists():
            return AlreadyExists(id=None if refusal.id is None else strawberry.ID(str(refusal.id)), **common)
        case errors.VersionConflict():
            return VersionConflict(
                expected_version=refusal.expected_version, current_version=refusal.current_version, **common
            )
        case errors.InvalidTransition():
            return InvalidTransition(status=Status(refusal.status), action=Action(refusal.action), **common)
        case errors.InsufficientStock():
            return InsufficientStock(
                product_id=strawberry.ID(str(refusal.product_id)),
                requested=refusal.requested,
                available=refusal.available,
                **common,
            )
        case errors.TotalMismatch():
            return TotalMismatch(expected_total=refusal.expected_total, actual_total=refusal.actual_total, **common)
        case errors.IdempotencyKeyReused():
            return IdempotencyKeyReused(**common)
    return InvalidInput(**common)


def _receipt(accepted: Accepted) -> dict[str, Any]:
    token = None if accepted.dry_run else str(Token(partition=accepted.partition, position=accepted.position))
    return {"version": accepted.version, "token": token, "replayed": accepted.replayed}


async def _after(info: Info, accepted: Accepted, kind: type[K], where: Found) -> K | None:
    """Return what a command led to, read once the projection is there; a dry run's event is folded in."""
    info.context.shows(kind.projection)
    token = Token(partition=accepted.partition, position=accepted.position)
    if not await info.context.consistency.wait(kind.projection.name, token):
        return None
    row = await info.context.reads.one(where.rows())
    if accepted.preview is not None:
        row = kind.projection.fold(row, accepted.preview)
    return kind.of(row) if row is not None else None
