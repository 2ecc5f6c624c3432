"""Ids, moments and days as they come from outside."""

from datetime import UTC, date, datetime

import pytest
from graphql import GraphQLError

from api.errors import BadUserInput
from api.scalars import SCALARS, uuid_of
from tests.support.facts import USER_ID


class TestUuidOf:
    @pytest.mark.parametrize("value", [str(USER_ID), str(USER_ID).upper()])
    def test_is_the_id_in_any_case(self, value: str) -> None:
        assert uuid_of(value, "id") == USER_ID

    @pytest.mark.parametrize(
        "value",
        [
            *("", "5", "ada", str(USER_ID)[:-1], f"{USER_ID}0", "\0", "' or 1=1"),
            *(USER_ID.hex, USER_ID.urn, f"{{{USER_ID}}}", f"{USER_ID}\n", f" {USER_ID}", f"{USER_ID.hex[:31]}\uff11"),
            "-".join(USER_ID.hex[at : at + 8] for at in range(0, 32, 8)),
        ],
    )
    def test_is_refused_by_the_name_of_its_argument(self, value: str) -> None:
        with pytest.raises(BadUserInput) as caught:
            uuid_of(value, "userId")
        assert caught.value.formatted == {
            "message": "userId must be a UUID, such as 0190b6a4-3c5e-7d2a-9f00-6c1b2a3d4e5f.",
            "extensions": {"code": "BAD_USER_INPUT"},
        }


def parsed(kind: type, value: object) -> object:
    parse = SCALARS[kind].parse_value
    assert parse is not None
    return parse(value)


class TestAMoment:
    @pytest.mark.parametrize(
        "value",
        [
            "2026-01-31T12:30:00Z",
            "2026-01-31t12:30:00z",
            "2026-01-31 12:30",
            "2026-01-31T12:30:00.000",
            "2026-01-31T13:30:00+01:00",
            "2026-01-31T07:00-05:30",
        ],
    )
    def test_is_in_utc_however_it_is_spelt(self, value: str) -> None:
        assert parsed(datetime, value) == datetime(2026, 1, 31, 12, 30, tzinfo=UTC)

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "now",
            "2026-01-31",
            "20260131T123000Z",
            "2026-02-30T00:00Z",
            "2026-01-31T25:00Z",
            "0001-01-01T00:00+14:00",
            "9999-12-31T23:59-01:00",
            "2026-01-31T12:30:00Z\n",
            "\u0662026-01-31T12:30:00Z",
            1769862600,
            None,
        ],
    )
    def test_is_refused_where_it_is_none(self, value: object) -> None:
        with pytest.raises(GraphQLError) as caught:
            parsed(datetime, value)
        assert caught.value.message == "This is no moment: write it like 2026-01-31T12:00:00Z."


class TestADay:
    def test_is_one_of_the_calendar(self) -> None:
        assert parsed(date, "2028-02-29") == date(2028, 2, 29)

    @pytest.mark.parametrize("value", ["", "2026-02-29", "2026-1-1", "20260131", "2026-W05-6", "0000-01-01", 5, None])
    def test_is_refused_where_it_is_none(self, value: object) -> None:
        with pytest.raises(GraphQLError) as caught:
            parsed(date, value)
        assert caught.value.message == "This is no day: write it like 2026-01-31."
