"""Rows that do not come from this log, or a log that lacks events: projections halt with a word, and skip nothing."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Engine

from api.settings import Settings
from domain.bus import Bus
from domain.commands import RenameUser
from domain.database import CommandPool, log_engine
from projections import lag
from projections.catalogue import projections
from projections.checkpoints import MixedUpError
from projections.lag import ProjectionState
from projections.retry import retry
from projections.runner import Runner
from projections.views import user_orders_view
from tests.support import databases, tables
from tests.support.projecting import drained, rewrite
from tests.support.recording import statements
from tests.support.shop import USD, Shop, id_in

NAMES = tuple(projection.name for projection in projections())
HERE, ELSEWHERE = 7, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A log with five events in one partition and two in another, all of them projected."""

    shop: Shop
    fresh: Settings
    log: Engine
    read: Engine
    user: UUID
    product: UUID
    elsewhere: UUID

    def drain(self, partition: int, log: Engine | None = None) -> bool:
        """Drain one partition; return whether all projections were level there."""
        runner = Runner(log=log or self.log, read=self.read, projections=projections(), publish=lambda _: None)
        return runner.drain(partition, seconds=60)

    def halted(self) -> dict[tuple[str, int], str]:
        return tables.halted(self.fresh.read.database_url)

    def state(self) -> tuple[Any, Any]:
        """Return what must not change while a projection is halted."""
        return tables.read_tables(self.fresh.read.database_url), tables.checkpoints(self.fresh.read.database_url)

    def lose(self, condition: str, *, head: int | None = None) -> None:
        """Take events out of this partition's log, and put its head back."""
        with psycopg.connect(self.fresh.write.database_url) as connection:
            gone = connection.execute(f"delete from events where partition = {HERE} and {condition}".encode())
            assert gone.rowcount
            if head is not None:
                connection.execute("update log_heads set position = %s where partition = %s", (head, HERE))

    async def write(self, times: int) -> None:
        for number in range(times):
            await self.shop.give(RenameUser(user_id=await self.another(), name=f"Eve {number}"))

    async def another(self) -> UUID:
        return await self.shop.user(id_in(HERE))

    async def assert_goes_on_elsewhere(self) -> None:
        """Partitions that nothing happened to are projected as ever."""
        order = await self.shop.order(self.elsewhere, self.product)
        assert self.drain(ELSEWHERE)
        assert str(order) in tables.read_tables(self.fresh.read.database_url)["user_orders_view"]

    def assert_is_told(self) -> None:
        standings = lag.standings(log=self.log, read=self.read)
        assert {each.name: (each.state, each.halted) for each in standings} == {
            name: (ProjectionState.HALTED, (reason,)) for (name, _), reason in self.halted().items()
        }
        assert lag.partitions_behind(log=self.log, read=self.read, names=NAMES) == [HERE]


@pytest.fixture
async def case(fresh_shop: Shop, fresh: Settings, log: Engine, read: Engine) -> Case:
    user, elsewhere = id_in(HERE), id_in(ELSEWHERE)
    product = await fresh_shop.product()
    await fresh_shop.user(user)
    await fresh_shop.user(elsewhere)
    await fresh_shop.order(elsewhere, product)
    await fresh_shop.paid_order(user, product)
    await fresh_shop.order(user, product)
    await fresh_shop.give(RenameUser(user_id=user, name="Ada Lovelace"))
    assert drained(log, read)
    return Case(shop=fresh_shop, fresh=fresh, log=log, read=read, user=user, product=product, elsewhere=elsewhere)


@pytest.fixture
def other(settings: Settings) -> Iterator[Settings]:
    with databases.fresh(settings) as found:
        yield found


@pytest.fixture
async def another_shop(other: Settings) -> AsyncIterator[Shop]:
    async with CommandPool(other.write.database_url) as pool:
        yield Shop(Bus(pool, currency=USD, nudge=lambda _: None))


@pytest.fixture
def another_log(other: Settings) -> Iterator[Engine]:
    engine = log_engine(other.write.database_url)
    yield engine
    engine.dispose()


def everywhere(reason: str) -> dict[tuple[str, int], str]:
    return {(name, HERE): reason.format(name=name) for name in NAMES}


class TestAnotherLog:
    @pytest.mark.parametrize("events", [1, 5, 9])
    async def test_of_any_length_halts_all_and_the_right_one_lets_them_go_on(
        self, events: int, case: Case, another_shop: Shop, another_log: Engine
    ) -> None:
        for _ in range(events):
            await another_shop.user(id_in(HERE))
        before = case.state()
        assert not case.drain(HERE, another_log)
        assert case.state() == before
        assert case.halted() == everywhere(
            "MixedUpError: its rows come from another log than this one. "
            "Build it again: tandem projections rebuild {name}"
        )

        case.assert_is_told()
        assert case.drain(HERE)
        assert case.halted() == {}
        assert case.state() == before

    async def test_halts_a_partition_in_which_nothing_had_happened_yet(
        self, case: Case, another_shop: Shop, another_log: Engine
    ) -> None:
        await another_shop.user(id_in(9))
        before = case.state()
        assert not case.drain(9, another_log)
        assert case.state() == before
        assert set(case.halted()) == {(name, 9) for name in NAMES}

    async def test_is_no_matter_to_a_read_store_that_has_seen_none(
        self, another_shop: Shop, another_log: Engine, read: Engine, fresh: Settings
    ) -> None:
        await another_shop.user(id_in(HERE))
        assert drained(another_log, read)
        assert tables.halted(fresh.read.database_url) == {}
        assert tables.read_tables(fresh.read.database_url) == tables.folded(another_log)

    async def test_is_not_what_retry_plays_from(self, case: Case, another_log: Engine) -> None:
        order = await case.shop.order(case.user, case.product)
        said = rewrite(case.fresh.write.database_url, order, 1, {"garbage": True})
        assert drained(case.log, case.read)
        before = case.state()
        with pytest.raises(MixedUpError, match="its rows come from another log than this one"):
            retry(user_orders_view.PROJECTION, log=another_log, read=case.read)
        assert case.state() == before

        rewrite(case.fresh.write.database_url, order, 1, said)
        assert retry(user_orders_view.PROJECTION, log=case.log, read=case.read).streams == 1


class TestAnOlderLog:
    FEWER = (
        "MixedUpError: it has applied 5 events of partition 7, and the log has fewer: it is an older one. "
        "Build it again: tandem projections rebuild {name}"
    )
    OTHERWISE = (
        "MixedUpError: the log has another event 5 in partition 7 than the one applied. "
        "Build it again: tandem projections rebuild {name}"
    )

    @pytest.mark.parametrize(
        ("left", "written", "reason"),
        [(3, 0, FEWER), (0, 0, FEWER), (2, 1, FEWER), (3, 1, OTHERWISE), (3, 4, OTHERWISE)],
        ids=["as it was", "without any event", "with fewer new ones", "with as many", "with more"],
    )
    async def test_halts_that_partition_and_no_other(self, left: int, written: int, reason: str, case: Case) -> None:
        case.lose(f"position > {left}", head=left)
        await case.write(written)
        before = case.state()
        assert not case.drain(HERE)
        assert case.state() == before
        assert case.halted() == everywhere(reason)
        case.assert_is_told()
        await case.assert_goes_on_elsewhere()
        assert case.halted() == everywhere(reason)

    async def test_costs_other_partitions_no_transaction_of_their_own(self, case: Case) -> None:
        case.lose("position > 3", head=3)
        assert not case.drain(HERE)
        await case.shop.order(case.elsewhere, case.product)
        await case.shop.user(id_in(9))
        runner = Runner(log=case.log, read=case.read, projections=projections(), publish=lambda _: None)
        with statements(case.read) as sent:
            assert not runner.drain(HERE, ELSEWHERE, 9, seconds=60)
        moves = [statement for statement in sent if "update checkpoints c set position" in statement]
        assert len(moves) == 1
        assert tables.checkpoints(case.fresh.read.database_url) == {
            name: tables.heads(case.log) | {HERE: 5} for name in NAMES
        }

    async def test_that_was_not_behind_the_rows_goes_on(self, case: Case) -> None:
        await case.write(2)
        case.lose("position > 7", head=7)
        assert drained(case.log, case.read)
        assert case.halted() == {}
        assert case.state()[0] == tables.folded(case.log)


class TestALogWithAGap:
    @pytest.mark.parametrize(
        ("gone", "reason"),
        [
            ("position = 6", "partition 7 of the log lacks an event between 5 and 9"),
            ("position between 7 and 8", "partition 7 of the log lacks an event between 5 and 9"),
            ("position = 5", "partition 7 of the log lacks its event 5"),
            ("position > 5", "partition 7 of the log lacks all events between 5 and its end, 9"),
        ],
        ids=["behind the checkpoint", "further on", "at the checkpoint", "up to its end"],
    )
    async def test_halts_that_partition_and_no_other(self, gone: str, reason: str, case: Case) -> None:
        await case.write(2)
        case.lose(gone)
        before = case.state()
        assert not case.drain(HERE)
        assert case.state() == before
        assert case.halted() == everywhere(f"GapError: {reason}")
        case.assert_is_told()
        await case.assert_goes_on_elsewhere()

    async def test_at_its_end_is_projected_up_to_there(self, case: Case) -> None:
        await case.write(2)
        case.lose("position = 9")
        assert not case.drain(HERE)
        assert tables.checkpoints(case.fresh.read.database_url) == {
            name: tables.heads(case.log) | {HERE: 8} for name in NAMES
        }
        assert case.halted() == everywhere("GapError: partition 7 of the log lacks all events between 8 and its end, 9")
