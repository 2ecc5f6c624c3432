"""Ids as they come from outside."""

import pytest

from api.errors import BadUserInput
from api.scalars import uuid_of
from tests.support.facts import USER_ID


class TestUuidOf:
    @pytest.mark.parametrize("value", [str(USER_ID), str(USER_ID).upper(), USER_ID.hex])
    def test_is_the_id_however_it_is_spelt(self, value: str) -> None:
        assert uuid_of(value, "id") == USER_ID

    @pytest.mark.parametrize("value", ["", "5", "ada", str(USER_ID)[:-1], f"{USER_ID}0", "\0", "' or 1=1"])
    def test_is_refused_by_the_name_of_its_argument(self, value: str) -> None:
        with pytest.raises(BadUserInput) as caught:
            uuid_of(value, "userId")
        assert caught.value.formatted == {
            "message": "userId must be a UUID, such as 0190b6a4-3c5e-7d2a-9f00-6c1b2a3d4e5f.",
            "extensions": {"code": "BAD_USER_INPUT"},
        }
