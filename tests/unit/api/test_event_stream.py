"""When a client is answered with events: where it prefers them to one answer."""

import pytest

from api.event_stream import is_wanted


class TestEvents:
    @pytest.mark.parametrize(
        "accept",
        [
            "text/event-stream",
            "TEXT/Event-Stream",
            "text/event-stream, multipart/mixed",
            "text/event-stream;q=0.9, application/json;q=0.8",
            "text/html, text/event-stream",
            "text/event-stream, */*",
        ],
    )
    def test_are_wanted(self, accept: str) -> None:
        assert is_wanted(accept)

    @pytest.mark.parametrize(
        "accept",
        [
            None,
            "",
            "*/*",
            "application/json",
            "text/*",
            "application/graphql-response+json, application/json, text/event-stream, multipart/mixed",
            "text/event-stream;q=0.5, application/json",
            "text/event-stream;q=0",
            "nonsense;;q=x,",
        ],
    )
    def test_are_not_wanted(self, accept: str | None) -> None:
        assert not is_wanted(accept)
