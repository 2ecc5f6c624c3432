"""Media types: GraphQL's own for who asks for it by name, JSON for everybody else, neither for who wants neither."""

import pytest

from api.negotiation import GRAPHQL_RESPONSE, JSON, answer_type, is_json

URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)


class TestAnswerType:
    @pytest.mark.parametrize(
        ("accept", "kind"),
        [
            (None, JSON),
            ("*/*", JSON),
            ("application/*", JSON),
            ("application/json", JSON),
            ("application/json; charset=utf-8", JSON),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
            ("application/graphql-response+json", GRAPHQL_RESPONSE),
            ("Application/GraphQL-Response+JSON;charset=utf-8", GRAPHQL_RESPONSE),
            ("application/graphql-response+json,application/json;q=0.9", GRAPHQL_RESPONSE),
            ("application/json, application/graphql-response+json", GRAPHQL_RESPONSE),
            ("application/graphql-response+json;q=0.5, application/json", JSON),
            ("application/graphql-response+json;q=0.5, */*", JSON),
            ("application/graphql-response+json, */*;q=0.1", GRAPHQL_RESPONSE),
            ("application/json;q=0, */*", GRAPHQL_RESPONSE),
            ("application/graphql-response+json;q=0, application/json", JSON),
            (URQL, GRAPHQL_RESPONSE),
            ("", None),
            ("image/png", None),
            ("text/event-stream", None),
            ("application/json;q=0", None),
            ("application/json;q=much", None),
            ("*/*;q=0", None),
            ("x" * 1000 + ", application/json", JSON),
        ],
    )
    def test_is_the_one_that_ranks_highest(self, accept: str | None, kind: str | None) -> None:
        assert answer_type(accept) == kind


class TestIsJson:
    @pytest.mark.parametrize(
        "kind",
        [JSON, "Application/JSON", "application/json;charset=utf-8", 'application/json; charset="UTF-8"; a=b'],
    )
    def test_takes_json_in_utf_8(self, kind: str) -> None:
        assert is_json(kind)

    @pytest.mark.parametrize(
        "kind",
        [
            None,
            "",
            "text/plain",
            "text/plain;application/json",
            "application/json, text/plain",
            "application/jsonp",
            "application/json; charset=latin-1",
            "application/x-www-form-urlencoded",
        ],
    )
    def test_takes_nothing_else(self, kind: str | None) -> None:
        assert not is_json(kind)
