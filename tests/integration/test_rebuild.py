"""Rebuilding over real stores: whatever comes in meanwhile and whoever dies, queries see one whole table."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Event as Flag
from time import monotonic, sleep
from typing import Any

import pytest
from sqlalchemy import Engine, text

from api.settings import Settings
from domain.commands import RenameProduct, RenameUser
from domain.events import Event
from projections import lag, rebuild
from projections.catalogue import projections as all_projections
from projections.comparison import Comparison, Example, compare
from projections.lag import ProjectionState
from projections.progress import Progress
from projections.projection import NEXT, OLD, Projection, Row
from projections.rebuild import RebuildError
from projections.views import products_view, user_orders_view, users_view
from tests.integration.test_runner import drain_all, runner, trade
from tests.support import tables
from tests.support.projecting import quarantined
from tests.support.shop import Shop

ORDERS = user_orders_view.PROJECTION


def shouting(row: Row | None, event: Event) -> Row | None:
    """Fold as user_orders_view does, and write the names of the items large."""
    after = ORDERS.fold(row, event)
    return after if after is None or after is row else after | {"item_names": after["item_names"].upper()}


CHANGED = replace(ORDERS, fold=shouting, version=ORDERS.version + 1)


def build(projection: Projection, log: Engine, read: Engine) -> None:
    assert not rebuild.begin(projection, read=read)
    assert rebuild.fill(projection.beside(NEXT), log=log, read=read, seconds=60)
    rebuild.finish(projection, read=read)


def switch(projection: Projection, log: Engine, read: Engine) -> list[Progress]:
    published: list[Progress] = []
    rebuild.switch(projection, log=log, read=read, publish=published.extend)
    return published


def rollback(projection: Projection, log: Engine, read: Engine) -> None:
    rebuild.rollback(projection, log=log, read=read, publish=lambda _: None)


def names(fresh: Settings) -> set[str]:
    return {row["item_names"] for row in tables.read_tables(fresh.read.database_url)["user_orders_view"].values()}


def definitions(read: Engine) -> set[tuple[str, str]]:
    """Return every table and index of the read store."""
    with read.connect() as connection:
        indexes = connection.execute(text("select indexname, indexdef from pg_indexes where schemaname = 'public'"))
        columns = text("""
            select table_name, string_agg(column_name || data_type || is_nullable || coalesce(column_default, ''), ','
                                          order by column_name)
            from information_schema.columns where table_schema = 'public' group by table_name
        """)
        return {(name, what) for name, what in [*indexes, *connection.execute(columns)]}


@pytest.fixture
async def traded(fresh_shop: Shop, log: Engine, read: Engine) -> Shop:
    await trade(fresh_shop)
    drain_all(runner(log, read))
    return fresh_shop


class TestARebuild:
    @pytest.mark.parametrize("projection", all_projections(), ids=lambda projection: projection.name)
    @pytest.mark.usefixtures("traded")
    async def test_leads_to_an_equal_table_and_to_the_same_schema(
        self, projection: Projection, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        before = definitions(read)
        build(projection, log, read)
        compared = compare(projection, log=log, read=read)
        assert compared.equal
        assert compared.both == len(tables.folded(log)[projection.name])
        switch(projection, log, read)
        assert rebuild.discard(projection, read=read) == [f"{projection.name}__old"]
        assert definitions(read) == before
        assert tables.read_tables(fresh.read.database_url) == tables.folded(log)

    async def test_is_followed_by_events_as_the_table_before_was(
        self, traded: Shop, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        for projection in all_projections():
            build(projection, log, read)
            switch(projection, log, read)
        await trade(traded)
        drain_all(runner(log, read))
        assert tables.read_tables(fresh.read.database_url) == tables.folded(log)

    @pytest.mark.usefixtures("traded")
    async def test_goes_on_where_it_was_interrupted(self, log: Engine, read: Engine) -> None:
        after = ORDERS.beside(NEXT)
        assert not rebuild.begin(ORDERS, read=read)
        assert not rebuild.fill(after, log=log, read=read, seconds=0)
        runner(log, read, after).drain(*sorted(tables.heads(log))[:2], seconds=60)
        there = rebuild.filled(after, log=log, read=read)
        assert 0 < there.events < there.head
        assert rebuild.begin(ORDERS, read=read)
        assert rebuild.filled(after, log=log, read=read) == there
        assert rebuild.fill(after, log=log, read=read, seconds=60)
        assert rebuild.filled(after, log=log, read=read).left == 0
        assert compare(ORDERS, log=log, read=read).equal

    @pytest.mark.parametrize("number", [1 << 31, 1 << 40, 1 << 63])
    @pytest.mark.usefixtures("traded")
    async def test_sets_aside_what_a_column_has_no_room_for(
        self, number: int, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        poisoned = min(tables.folded(log)[ORDERS.name])

        def fold(row: Row | None, event: Event) -> Row | None:
            after = ORDERS.fold(row, event)
            return after and after | ({"item_count": number} if str(event.stream_id) == str(poisoned) else {})

        build(replace(ORDERS, fold=fold), log, read)
        assert {(name, str(stream)) for name, stream in quarantined(fresh.read.database_url)} == {
            (ORDERS.beside(NEXT).name, str(poisoned))
        }
        compared = compare(ORDERS, log=log, read=read)
        assert (compared.only_shown, compared.only_new, compared.columns) == (1, 0, {})

    @pytest.mark.usefixtures("traded")
    async def test_begins_anew_for_another_version_or_where_that_is_asked_for(self, log: Engine, read: Engine) -> None:
        build(ORDERS, log, read)
        assert rebuild.begin(ORDERS, read=read)
        assert not rebuild.begin(CHANGED, read=read)
        assert rebuild.filled(ORDERS.beside(NEXT), log=log, read=read).events == 0
        assert rebuild.begin(CHANGED, read=read)
        assert not rebuild.begin(CHANGED, read=read, anew=True)

    def test_that_another_version_began_is_left_to_workers_of_that_one(self, read: Engine) -> None:
        rebuild.begin(replace(ORDERS, version=2), read=read)
        assert rebuild.under_way([ORDERS], read=read) == []
        assert rebuild.under_way([replace(ORDERS, version=2)], read=read) == [replace(ORDERS, version=2).beside(NEXT)]

    @pytest.mark.usefixtures("traded")
    async def test_shows_in_the_status_of_its_projection_alone(self, log: Engine, read: Engine) -> None:
        def shown() -> dict[str, tuple[ProjectionState, float | None]]:
            return {each.name: (each.state, each.rebuild_progress) for each in lag.standings(log=log, read=read)}

        still = dict.fromkeys([projection.name for projection in all_projections()], (ProjectionState.LIVE, None))
        assert shown() == still
        rebuild.begin(ORDERS, read=read)
        assert shown() == still | {ORDERS.name: (ProjectionState.REBUILDING, 0.0)}
        rebuild.fill(ORDERS.beside(NEXT), log=log, read=read, seconds=60)
        assert shown() == still | {ORDERS.name: (ProjectionState.REBUILDING, 1.0)}
        switch(ORDERS, log, read)
        assert shown() == still


class TestAComparison:
    @pytest.mark.usefixtures("traded")
    async def test_names_rows_and_columns_that_differ_with_examples(self, log: Engine, read: Engine) -> None:
        build(CHANGED, log, read)
        with read.begin() as connection:
            [gone, other] = connection.execute(
                text("select order_id from user_orders_view order by 1 limit 2")
            ).scalars()
            connection.execute(text("delete from user_orders_view where order_id = :gone"), {"gone": gone})
            connection.execute(text("delete from user_orders_view__next where order_id = :other"), {"other": other})
        compared = compare(CHANGED, log=log, read=read)
        rows = len(tables.folded(log)["user_orders_view"])
        assert replace(compared, examples=()) == Comparison(
            both=rows - 2, only_shown=1, only_new=1, columns={"item_names": rows - 2}, examples=()
        )
        assert len(compared.examples) == 3
        for example in compared.examples:
            assert isinstance(example, Example)
            assert (example.column, example.new) == ("item_names", example.shown.upper())

    async def test_is_made_at_one_place_of_the_log_while_events_come_in(
        self, traded: Shop, log: Engine, read: Engine
    ) -> None:
        rebuild.begin(ORDERS, read=read)
        with projecting(log, read):
            writing = asyncio.create_task(trade(traded, users=6))
            compared = [await asyncio.to_thread(compare, ORDERS, log=log, read=read) for _ in range(3)]
            await writing
        assert [each for each in compared if not each.equal] == []

    async def test_with_a_new_table_that_is_further_waits_and_halts_nothing(
        self, traded: Shop, fresh: Settings, log: Engine, read: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rebuild.begin(ORDERS, read=read)
        await trade(traded)
        assert rebuild.fill(ORDERS.beside(NEXT), log=log, read=read, seconds=60)
        with monkeypatch.context() as hurried:
            hurried.setattr(rebuild, "_PATIENCE", 0)
            with pytest.raises(RebuildError, match="does not become level"):
                compare(ORDERS, log=log, read=read)
        assert tables.halted(fresh.read.database_url) == {}
        drain_all(runner(log, read))
        assert compare(ORDERS, log=log, read=read).equal


class TestASwitch:
    async def test_shows_the_changed_rows_and_rollback_those_of_before_both_up_to_date(
        self, traded: Shop, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        before = names(fresh)
        build(CHANGED, log, read)
        assert names(fresh) == before

        published = switch(CHANGED, log, read)
        assert names(fresh) == {name.upper() for name in before}
        assert {(step.projection, step.partition): step.position for step in published if step.position} == {
            (ORDERS.name, partition): head for partition, head in tables.heads(log).items()
        }
        user, product = await traded.user(), await traded.product()
        await traded.give(RenameProduct(product_id=product, name="Samovar"))
        await traded.order(user, product)
        runner_of_the_new_code = runner(log, read, CHANGED, products_view.PROJECTION, users_view.PROJECTION)
        drain_all(runner_of_the_new_code)
        assert names(fresh) == {name.upper() for name in before} | {"SAMOVAR"}

        rollback(ORDERS, log, read)
        assert names(fresh) == before | {"Samovar"}
        switch(CHANGED, log, read)
        assert names(fresh) == {name.upper() for name in before} | {"SAMOVAR"}

    async def test_keeps_renames_that_came_while_it_was_built(
        self, fresh_shop: Shop, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        user, product = await fresh_shop.user(), await fresh_shop.product()
        await fresh_shop.order(user, product)
        build(ORDERS, log, read)
        await fresh_shop.give(RenameUser(user_id=user, name="Grace"))
        drain_all(runner(log, read))
        switch(ORDERS, log, read)
        assert tables.read_tables(fresh.read.database_url) == tables.folded(log)

    async def test_while_events_come_in_and_rows_are_read_loses_none_and_shows_no_gap(
        self, traded: Shop, fresh: Settings, log: Engine, read: Engine
    ) -> None:
        rows = len(tables.folded(log)["user_orders_view"])
        build(ORDERS, log, read)
        counted: list[int] = []

        def count(stop: Flag) -> None:
            with read.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                while not stop.is_set():
                    counted.append(connection.execute(text("select count(*) from user_orders_view")).scalar_one())

        with projecting(log, read), working(count):
            writing = asyncio.create_task(trade(traded, users=6))
            await asyncio.to_thread(switch, ORDERS, log, read)
            await asyncio.to_thread(rollback, ORDERS, log, read)
            await writing
        assert counted[0] >= rows
        assert counted == sorted(counted)
        drain_all(runner(log, read))
        assert tables.read_tables(fresh.read.database_url) == tables.folded(log)

    @pytest.mark.usefixtures("traded")
    async def test_waits_for_a_query_without_keeping_others_waiting(self, log: Engine, read: Engine) -> None:
        build(ORDERS, log, read)
        with ThreadPoolExecutor(1) as thread:
            with read.begin() as slow:
                slow.execute(text("select count(*) from user_orders_view"))
                switching = thread.submit(switch, ORDERS, log, read)
                with read.begin() as other:
                    other.execute(text("set local lock_timeout = 2000"))
                    for _ in range(20):
                        other.execute(text("select count(*) from user_orders_view"))
                assert not switching.done()
            assert switching.result(timeout=60)

    @pytest.mark.parametrize("step", [switch, rollback])
    async def test_that_cannot_be_is_refused_with_what_to_do(
        self, step: Callable[..., Any], log: Engine, read: Engine
    ) -> None:
        with pytest.raises(RebuildError, match=r"tandem projections rebuild|was not switched"):
            step(ORDERS, log, read)

    async def test_that_was_taken_before_says_so_and_what_to_do(self, log: Engine, read: Engine) -> None:
        build(ORDERS, log, read)
        switch(ORDERS, log, read)
        with pytest.raises(RebuildError, match="was switched to it already, and tandem projections rollback"):
            switch(ORDERS, log, read)
        rollback(ORDERS, log, read)
        with pytest.raises(RebuildError, match=r"gone back already\. To show the other one after all: tandem proj"):
            rollback(ORDERS, log, read)

    async def test_into_a_table_of_before_a_migration_is_refused(self, log: Engine, read: Engine) -> None:
        build(ORDERS, log, read)
        with read.begin() as connection:
            connection.execute(text("alter table user_orders_view__next drop column carrier"))
        with pytest.raises(RebuildError, match="lacks a column"):
            switch(ORDERS, log, read)
        assert not rebuild.begin(ORDERS, read=read)

    async def test_back_is_refused_while_another_table_is_being_built(self, log: Engine, read: Engine) -> None:
        build(ORDERS, log, read)
        switch(ORDERS, log, read)
        build(ORDERS, log, read)
        with pytest.raises(RebuildError, match="discard"):
            rollback(ORDERS, log, read)
        assert rebuild.discard(ORDERS, read=read) == [f"{ORDERS.name}{NEXT}", f"{ORDERS.name}{OLD}"]

    @pytest.mark.usefixtures("traded")
    def test_waits_for_who_fills_the_table(self, read: Engine) -> None:
        assert not rebuild.begin(ORDERS, read=read)
        name = ORDERS.beside(NEXT).name
        with ThreadPoolExecutor(1) as threads, read.begin() as filling:
            filling.execute(text("select from checkpoints where projection = :name for update"), {"name": name})
            discarding = threads.submit(rebuild.discard, ORDERS, read=read)
            waiting(read, "delete from checkpoints%")
            filling.execute(text(f"select from {name}"))
            filling.commit()
            assert discarding.result() == [name]


def waiting(read: Engine, statement: str) -> None:
    """Return once a statement waits for a lock."""
    asked = text("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like :statement")
    until = monotonic() + 10
    while monotonic() < until:
        with read.connect() as connection:
            if connection.execute(asked, {"statement": statement}).scalar_one():
                return
        sleep(0.02)
    raise AssertionError(f"nobody waits in: {statement}")


@contextmanager
def projecting(log: Engine, read: Engine) -> Iterator[None]:
    """Keep the read tables up to date in the background, as a worker does."""

    def work(stop: Flag) -> None:
        busy = runner(log, read)
        while not stop.is_set():
            drain_all(busy)

    with working(work):
        yield


@contextmanager
def working(work: Callable[[Flag], None]) -> Iterator[None]:
    stop = Flag()
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(work, stop)
        try:
            yield
        finally:
            stop.set()
            done.result(timeout=60)


class TestAlone:
    def test_is_one_of_a_name_and_the_next_once_it_has_ended(self, read: Engine) -> None:
        with (
            rebuild.alone(read, "a worker") as first,
            rebuild.alone(read, "a worker") as second,
            rebuild.alone(read, "another worker") as other,
        ):
            assert (first, second, other) == (True, False, True)
        with rebuild.alone(read, "a worker") as again:
            assert again
