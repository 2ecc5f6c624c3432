"""Text in JSON: as `str` and `isoformat` write it, whatever the value."""

from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from hypothesis import given
from hypothesis import strategies as st

from projections.text import text


class TestText:
    @given(st.uuids())
    def test_of_an_id_is_as_str_writes_it(self, value: UUID) -> None:
        assert text(value) == str(value)

    @given(st.uuids())
    def test_of_an_id_that_the_write_store_gave_is_so_too(self, value: UUID) -> None:
        assert text(asyncpg.pgproto.pgproto.UUID(str(value))) == str(value)

    @given(st.datetimes(timezones=st.just(UTC)))
    def test_of_a_moment_is_as_isoformat_writes_it(self, value: datetime) -> None:
        assert text(value) == value.isoformat()
