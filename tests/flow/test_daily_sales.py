"""dailySales through HTTP: what is no span of days is told so."""

import pytest

from tests.support.client import Client

ASKED = "query ($from: Date!, $to: Date!) { dailySales(from: $from, to: $to) { date } }"
NO_DAY = "Variable '$from' has invalid value: This is no day: write it like 2026-01-31."


class TestASpan:
    def test_of_ten_years_is_the_longest_there_is(self, staff: Client) -> None:
        assert staff.ask(ASKED, **{"from": "1990-01-01", "to": "2000-01-08"}) == {"dailySales": []}
        assert staff.errors(ASKED, **{"from": "1990-01-01", "to": "2000-01-09"}) == [
            ("BAD_USER_INPUT", "from and to must span at most 3660 days; these are 3661: ask in parts.")
        ]

    def test_of_all_time_is_refused(self, staff: Client) -> None:
        assert staff.errors(ASKED, **{"from": "0001-01-01", "to": "9999-12-31"}) == [
            ("BAD_USER_INPUT", "from and to must span at most 3660 days; these are 3652059: ask in parts.")
        ]

    def test_that_ends_before_it_begins_is_refused(self, staff: Client) -> None:
        assert staff.errors(ASKED, **{"from": "2026-02-01", "to": "2026-01-31"}) == [
            ("BAD_USER_INPUT", "from must not be after to; 2026-02-01 is after 2026-01-31.")
        ]

    @pytest.mark.parametrize("day", ["", "today", "2026-02-30", "2026-13-01", "20260131", "2026-01-31T00:00:00Z", 5])
    def test_from_what_is_no_day_is_refused(self, staff: Client, day: object) -> None:
        assert staff.errors(ASKED, **{"from": day, "to": "2026-01-31"}) == [("BAD_USER_INPUT", NO_DAY)]

    def test_with_no_day_in_the_document_is_refused(self, staff: Client) -> None:
        assert staff.errors("""{ dailySales(from: "today", to: "2026-01-31") { date } }""") == [
            ("GRAPHQL_VALIDATION_FAILED", "This is no day: write it like 2026-01-31.")
        ]
