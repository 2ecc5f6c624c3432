"""The table of outcomes: every code that an answer without data may have stands in it."""

import ast

from api.outcomes import NOT_EXECUTED
from tests.support.sources import sources

# Who refuses before an operation runs.
REFUSING = ("asked", "documents", "endpoint", "operations", "persisted_documents", "trusted_documents", "outcomes")


def codes(text: str) -> set[str]:
    """Return the codes that a file gives to errors: the constants in capitals that calls are given first."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call) and node.args]
    given = [call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)]
    return {code for code in given if isinstance(code, str) and code.isupper()}


class TestNotExecuted:
    def test_has_a_line_for_every_code_that_is_given(self) -> None:
        texts = sources("api")
        given = {code for name in REFUSING for code in codes(texts[f"api/{name}.py"])}
        assert given >= {"METHOD_NOT_ALLOWED", "PAYLOAD_TOO_LARGE", "PERSISTED_QUERY_NOT_FOUND"}
        assert given - set(NOT_EXECUTED) == set()

    def test_would_show_one_that_is_missing(self) -> None:
        assert codes('raise ApiError("NEW_CODE", "Do this.")') == {"NEW_CODE"}

    def test_never_says_that_it_went_well_in_graphqls_own_type(self) -> None:
        assert all(400 <= status.graphql < 600 for status in NOT_EXECUTED.values())
