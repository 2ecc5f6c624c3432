"""What a command came to is counted once, also where it ended in a way that nobody expected."""

import pytest
from prometheus_client import CollectorRegistry

from api.counts import Counts
from api.errors import Forbidden
from domain.bus import UnavailableError
from domain.commands import PayOrder


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (Forbidden(), "refused", "FORBIDDEN"),
        (UnavailableError(), "failed", "UNAVAILABLE"),
        (RuntimeError("a defect"), "failed", "INTERNAL_SERVER_ERROR"),
    ],
)
def test_a_command_that_raises_is_counted_by_its_code(error: Exception, outcome: str, code: str) -> None:
    registry = CollectorRegistry()
    counts = Counts(registry)
    with pytest.raises(type(error)), counts.command(PayOrder):
        raise error
    labels = {"command": "PayOrder", "outcome": outcome, "code": code}
    assert registry.get_sample_value("tandem_commands_total", labels) == 1
    assert registry.get_sample_value("tandem_command_seconds_count", {"command": "PayOrder"}) == 1
