"""Optimistic concurrency: a command that expects another version is refused, one that expects none is not."""

from dataclasses import replace

import pytest

from domain.transaction import Actor, Transaction
from tests.support.deciding import refused
from tests.support.facts import START, USER_ID

TX = Transaction(
    connection=None,  # type: ignore[arg-type] - no statement is sent here
    actor=Actor(id="staff:tests", staff=True),
    now=START,
    new_id=lambda: USER_ID,
    expected_version=None,
    dry_run=False,
)


class TestExpect:
    @pytest.mark.parametrize("expected", [None, 2])
    def test_passes_at_the_expected_version_and_where_none_is(self, expected: int | None) -> None:
        replace(TX, expected_version=expected).expect(2)

    @pytest.mark.parametrize("expected", [0, 1, 3])
    def test_refuses_another_version(self, expected: int) -> None:
        message = f"Version {expected} was expected, but the current one is 2: read it again, then decide anew."
        assert refused(replace(TX, expected_version=expected).expect, 2) == {
            "code": "VERSION_CONFLICT",
            "message": message,
            "path": ("expectedVersion",),
            "expected_version": expected,
            "current_version": 2,
        }
