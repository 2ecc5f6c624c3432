"""The connections of queries: shared, bounded, given up when nobody knows what they are at, and made again."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from api.settings import Settings
from projections import read_pool
from projections.read_pool import ReadPool, UnreachableError
from projections.reads import Reads, TooSlowError
from projections.statements import found
from projections.views import users_view

PID = "select pg_backend_pid()"


@pytest.fixture
async def lost() -> list[str]:
    return []


@pytest.fixture
async def pool(fresh: Settings, lost: list[str]) -> AsyncIterator[ReadPool]:
    opened = ReadPool(fresh.read.database_url, connections=2, when_lost=lambda: lost.append("lost"))
    yield opened
    await opened.close()


async def pid(pool: ReadPool) -> int:
    [[found]] = await pool.fetch(PID, [])
    return int(found)


class TestAPool:
    async def test_uses_a_connection_again(self, pool: ReadPool) -> None:
        assert len({await pid(pool) for _ in range(3)}) == 1

    async def test_has_no_more_connections_than_it_may_and_lets_others_wait(self, pool: ReadPool) -> None:
        asked = [pool.fetch("select pg_backend_pid(), pg_sleep(0.05)", []) for _ in range(6)]
        assert len({rows[0][0] for rows in await asyncio.gather(*asked)}) == 2

    async def test_goes_on_with_a_connection_whose_statement_failed(self, pool: ReadPool) -> None:
        first = await pid(pool)
        for _ in range(3):
            with pytest.raises(asyncpg.UndefinedTableError):
                await pool.fetch("select * from nowhere", [])
        assert await pid(pool) == first

    async def test_writes_nothing(self, pool: ReadPool) -> None:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await pool.fetch("delete from users_view", [])

    async def test_gives_up_a_connection_whose_query_was_cut_short(self, pool: ReadPool, lost: list[str]) -> None:
        first = await pid(pool)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await pool.fetch("select pg_sleep(3)", [])
        assert await pid(pool) != first
        assert lost == ["lost"]

    async def test_has_room_again_after_whatever_went_wrong(self, pool: ReadPool) -> None:
        for _ in range(5):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await pool.fetch("select pg_sleep(3)", [])
        assert await asyncio.wait_for(pid(pool), 5)

    async def test_keeps_no_connection_whose_asker_went_while_it_was_prepared(
        self, pool: ReadPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def slow(*_: object, **__: object) -> None:
            await asyncio.sleep(3)

        monkeypatch.setattr(asyncpg.Connection, "set_type_codec", slow)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await pid(pool)
        await asyncio.sleep(0.05)  # until its end is told
        assert (pool.use().in_use, pool.use().idle) == (0, 0)

    async def test_says_that_nobody_is_there(self) -> None:
        nowhere = ReadPool("postgresql://127.0.0.1:1/nowhere", connections=1, when_lost=lambda: None)
        for _ in range(2):
            with pytest.raises(UnreachableError):
                await nowhere.fetch(PID, [])


class TestReads:
    async def test_ask_again_where_a_connection_was_lost(self, fresh: Settings) -> None:
        told: list[str] = []
        nobody = found(users_view.by_id, user_id=uuid4()).rows()
        async with Reads(fresh.read.database_url, connections=2) as reads:
            reads.when_lost.append(lambda: told.append("lost"))
            assert await reads.all(nobody) == []
            killer = await asyncpg.connect(fresh.read.database_url)
            await killer.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                "where datname = current_database() and application_name = 'tandem-queries'"
            )
            await killer.close()
            assert await reads.all(nobody) == []
        assert "lost" in told

    async def test_say_that_a_statement_takes_too_long(self, fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(read_pool.SETTINGS, "statement_timeout", "50")
        async with Reads(fresh.read.database_url) as reads:
            with pytest.raises(TooSlowError):
                await reads._fetch("select pg_sleep(2)", [])
