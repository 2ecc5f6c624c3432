"""Refusals as the contract shows them: each kind is a type of its own, with all that it has to say."""

from decimal import Decimal

import pytest
import strawberry

from api.types import results
from api.types.results import ErrorCode, OrderAccepted, refused
from domain import errors
from domain.bus import Accepted
from domain.lifecycle import Action, Status
from tests.support.facts import ORDER_ID, TEA_ID

ID = strawberry.ID(str(TEA_ID))
SHOWN = [
    (
        errors.InvalidInput("m", ("items", "0")),
        results.InvalidInput(code=ErrorCode.INVALID_INPUT, message="m", path=["items", "0"]),
    ),
    (
        errors.NotFound("m", ("id",), id=TEA_ID),
        results.NotFound(code=ErrorCode.NOT_FOUND, message="m", path=["id"], id=ID),
    ),
    (
        errors.AlreadyExists("m", ("id",), id=TEA_ID),
        results.AlreadyExists(code=ErrorCode.ALREADY_EXISTS, message="m", path=["id"], id=ID),
    ),
    (
        errors.AlreadyExists("m", ("email",)),
        results.AlreadyExists(code=ErrorCode.ALREADY_EXISTS, message="m", path=["email"], id=None),
    ),
    (
        errors.VersionConflict(expected=1, current=2),
        results.VersionConflict(
            code=ErrorCode.VERSION_CONFLICT,
            message="Version 1 was expected, but the current one is 2: read it again, then decide anew.",
            path=["expectedVersion"],
            expected_version=1,
            current_version=2,
        ),
    ),
    (
        errors.InvalidTransition("m", ("orderId",), status="pending", action="ship"),
        results.InvalidTransition(
            code=ErrorCode.INVALID_TRANSITION,
            message="m",
            path=["orderId"],
            status=Status.PENDING,
            action=Action.SHIP,
        ),
    ),
    (
        errors.InsufficientStock("m", ("items",), product_id=TEA_ID, requested=2, available=1),
        results.InsufficientStock(
            code=ErrorCode.INSUFFICIENT_STOCK, message="m", path=["items"], product_id=ID, requested=2, available=1
        ),
    ),
    (
        errors.TotalMismatch("m", ("expectedTotal",), expected_total=Decimal("1.00"), actual_total=Decimal("2.00")),
        results.TotalMismatch(
            code=ErrorCode.TOTAL_MISMATCH,
            message="m",
            path=["expectedTotal"],
            expected_total=Decimal("1.00"),
            actual_total=Decimal("2.00"),
        ),
    ),
    (
        errors.IdempotencyKeyReused(),
        results.IdempotencyKeyReused(
            code=ErrorCode.IDEMPOTENCY_KEY_REUSED,
            message="This idempotencyKey was used with another input. Send the same input again, or take a new key.",
            path=["idempotencyKey"],
        ),
    ),
]


class TestRefused:
    @pytest.mark.parametrize(("refusal", "shown"), SHOWN, ids=lambda value: type(value).__name__)
    def test_is_the_type_of_its_kind(self, refusal: errors.Refusal, shown: results.UserError) -> None:
        assert refused(refusal) == shown
        assert type(refused(refusal)) is type(shown)

    def test_is_tried_on_every_kind(self) -> None:
        assert {type(refusal) for refusal, _ in SHOWN} == set(errors.Refusal.__subclasses__())

    def test_has_a_code_for_every_kind_and_no_other(self) -> None:
        assert {kind.code for kind in errors.Refusal.__subclasses__()} == {code.value for code in ErrorCode}


class TestAccepted:
    def test_is_a_receipt_with_a_token(self) -> None:
        accepted = Accepted(stream_id=ORDER_ID, version=3, partition=17, position=12345, replayed=True)
        assert OrderAccepted.of(accepted) == OrderAccepted(
            order_id=strawberry.ID(str(ORDER_ID)),
            version=3,
            token="MS4xNy4xMjM0NQ",
            replayed=True,
            accepted=accepted,
        )

    def test_has_no_token_for_a_dry_run(self) -> None:
        assert (
            OrderAccepted.of(Accepted(stream_id=ORDER_ID, version=2, partition=17, position=5, dry_run=True)).token
            is None
        )
