"""A rebuild as its operator sees it: whatever is killed, queries see one whole table, and it can be run again."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest

from tests.benchmarks import history
from tests.support import tables
from tests.support.operator import WITHIN, Operator
from tests.support.reading import Reading, reading
from tests.support.running import Part, Running, Tandem, eventually, tandem
from tests.support.traffic import Traffic, traffic

NAME = "user_orders_view"
NEXT, OLD = f"{NAME}__next", f"{NAME}__old"
EVENTS = 10_000
A_SECOND = 10  # commands
KEPT_BACK = 4  # of the 64 partitions; so no table is full before what is to be killed is
SHARES = (0.1, 0.5, 0.9)
STEPS = ("switch", "rollback")
MOMENTS = 4  # of a switch, at which it is killed


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A Tandem of two workers with a log of some length, under load, with readers who never stop."""

    tandem: Tandem
    traffic: Traffic
    reading: Reading
    operator: Operator

    @property
    def running(self) -> Running:
        return self.tandem.running

    def ask(self, question: str) -> Any:
        """Return the first value that the read store answers."""
        with psycopg.connect(self.running.where.read_url) as connection:
            return (connection.execute(question.encode()).fetchone() or (None,))[0]

    def table(self, name: str) -> int | None:
        """Return which table has this name, so that it is known again under another one."""
        found = self.ask(f"select cast(to_regclass('{name}') as oid)")
        return None if found is None else int(found)

    def tables(self) -> tuple[int | None, int | None, int | None]:
        return self.table(NAME), self.table(NEXT), self.table(OLD)

    def filled(self) -> float:
        """Return which share of the log the new table has."""
        applied = self.ask(f"select coalesce(sum(position), 0) from checkpoints where projection = '{NEXT}'")
        return float(applied) / sum(tables.heads(self.tandem.log).values())

    def is_whole(self) -> None:
        """Fail unless what is shown is what the log says, row by row."""
        with self.traffic.quiet():
            self.tandem.lags_for()
            assert self.tandem.holds_the_fold_of_its_log()
        self.reading.goes_on()


@pytest.fixture(scope="module")
def running_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with ExitStack() as stack:
        found = stack.enter_context(tandem(tmp_path_factory.mktemp("rebuild") / "data", workers=2))
        history.write(found.running.where.write_url, EVENTS, users=100)
        eventually(found.level, "projections are level")
        urls = [api.url for api in found.running.apis]
        operator = Operator(environment=found.running.environment)
        stack.callback(operator.end)
        coming_in = stack.enter_context(traffic(urls, senders=2, a_second=A_SECOND))
        read = stack.enter_context(reading(urls[0]))
        yield Shop(tandem=found, traffic=coming_in, reading=read, operator=operator)


@pytest.fixture
def shop(running_shop: Shop) -> Iterator[Shop]:
    """Leaves nothing beside the table that is shown."""
    yield running_shop
    running_shop.operator.does("projections", "discard", NAME)
    assert running_shop.tables()[1:] == (None, None)


def children(shop: Shop, _: subprocess.Popen[str]) -> None:
    for each in shop.running.workers:
        for child in each.children():
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


def everything(shop: Shop, running: subprocess.Popen[str]) -> None:
    """The command itself, and all workers with their children."""
    running.kill()
    running.communicate()
    for each in shop.running.workers:
        each.kill_group()
    for each in shop.running.workers:
        each.restart()


class TestARebuild:
    @pytest.mark.parametrize("killed", [children, everything])
    def test_in_which_something_is_killed_at_10_50_and_90_percent_leads_to_the_whole_table(
        self, shop: Shop, killed: Callable[[Shop, subprocess.Popen[str]], None]
    ) -> None:
        with kept_back(shop):
            running = shop.operator.begin("projections", "rebuild", NAME)
            for share in SHARES:
                eventually(lambda: shop.filled() >= share, f"{share:.0%} of the table are there", pause=0)  # noqa: B023
                killed(shop, running)
                assert share <= shop.filled() < 1
                if running.poll() is not None:
                    running = shop.operator.begin("projections", "rebuild", NAME)
        said, error = running.communicate(timeout=WITHIN)
        assert (running.returncode, error) == (0, ""), said + error
        assert said.startswith(f"Going on with {NEXT} …"), said
        assert "rows are as they are shown." in said
        shop.operator.does("projections", "switch", NAME)
        shop.is_whole()

    def test_is_shown_by_a_switch_taken_back_by_rollback_and_gone_by_discard(self, shop: Shop) -> None:
        before = shop.table(NAME)
        shop.operator.does("projections", "rebuild", NAME)
        new = shop.table(NEXT)
        assert shop.tables() == (before, new, None)
        shop.operator.does("projections", "switch", NAME)
        assert shop.tables() == (new, None, before)
        shop.is_whole()
        shop.operator.does("projections", "rollback", NAME)
        assert shop.tables() == (before, new, None)
        shop.is_whole()
        assert shop.operator.does("projections", "discard", NAME) == f"Dropped: {NEXT}.\n"
        assert shop.tables() == (before, None, None)


@contextmanager
def kept_back(shop: Shop) -> Iterator[None]:
    """Let a rebuild begin that cannot come to its end during the block: nobody gets some of its checkpoints."""
    heads = tables.heads(shop.tandem.log)
    least = sorted(heads, key=lambda partition: heads[partition])[:KEPT_BACK]
    with patient(shop) as holder:
        with stopped(shop.running.workers):
            beginning = shop.operator.begin("projections", "rebuild", NAME)
            eventually(lambda: shop.table(NEXT) is not None, "the new table is made")
            holder.execute(
                "select from checkpoints where projection = %s and partition = any(%s) for update", (NEXT, least)
            )
            beginning.kill()
            beginning.communicate()
        yield


def patient(shop: Shop) -> psycopg.Connection:
    """Connect as somebody from whom the store takes nothing back."""
    return psycopg.connect(shop.running.where.read_url, options="-c idle_in_transaction_session_timeout=0")


@contextmanager
def stopped(workers: Sequence[Part]) -> Iterator[None]:
    for each in workers:
        os.killpg(each.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in workers:
            os.killpg(each.process.pid, signal.SIGCONT)


WAITS = {
    "for whoever makes tables": (
        f"select pg_advisory_xact_lock(hashtext('tandem {NAME}'))",
        "select pg_advisory_xact_lock%",
    ),
    "for a runner": (
        f"select from checkpoints where projection = '{NAME}' and partition = 7 for update",
        "select partition, position from checkpoints%",
    ),
    "for a query": (f"lock table {NAME} in access share mode", "lock table%"),
    "amid the renames": (
        f"select from projection_states where projection = '{NAME}' for update",
        "update projection_states%",
    ),
}


@pytest.fixture
def built(shop: Shop) -> Shop:
    shop.operator.does("projections", "rebuild", NAME)
    return shop


class TestASwitch:
    def test_that_is_killed_while_it_waits_has_changed_nothing_and_is_done_when_it_is_run_again(
        self, built: Shop
    ) -> None:
        for step in STEPS:
            before = built.tables()
            for lock, waiting in WAITS.values():
                killed_while_it_waits(built, step, lock, waiting)
                built.reading.goes_on()
                assert built.tables() == before
            built.operator.does("projections", step, NAME)
            assert built.tables() == turned(before)
            built.is_whole()

    def test_that_is_killed_at_any_moment_shows_one_table_or_the_other(self, built: Shop) -> None:
        began = monotonic()
        built.operator.does("projections", "switch", NAME)
        whole = monotonic() - began
        built.operator.does("projections", "rollback", NAME)
        for step in STEPS:
            before = built.tables()
            for moment in range(1, MOMENTS + 1):
                process = built.operator.begin("projections", step, NAME)
                sleep(whole * moment / MOMENTS)
                process.kill()
                process.communicate()
                built.reading.goes_on()
                if built.tables() != before:
                    break
            else:
                built.operator.does("projections", step, NAME)
            assert built.tables() == turned(before)
            built.is_whole()

    def test_waits_for_a_long_query_and_lets_all_others_be_answered(self, built: Shop) -> None:
        for step in STEPS:
            before = built.tables()
            with patient(built) as report:
                report.execute(f"select count(*) from {NAME}".encode())
                process = built.operator.begin("projections", step, NAME)
                for _ in range(3):
                    eventually(lambda: built.ask(asked_for(WAITS["for a query"][1])) > 0, "it waits", pause=0)
                    built.reading.goes_on()
                assert process.poll() is None
                assert built.tables() == before
            assert process.wait(WITHIN) == 0
            assert built.tables() == turned(before)


def turned(found: tuple[int | None, int | None, int | None]) -> tuple[int | None, int | None, int | None]:
    """Return which tables there are after a switch or a rollback."""
    shown, new, old = found
    return (new, None, shown) if new is not None else (old, shown, None)


def killed_while_it_waits(shop: Shop, step: str, lock: str, waiting: str) -> None:
    with patient(shop) as holder:
        holder.execute(lock.encode())
        process = shop.operator.begin("projections", step, NAME)
        eventually(lambda: shop.ask(asked_for(waiting)) > 0, "it waits", pause=0)
        process.kill()
        process.communicate()


def asked_for(waiting: str) -> str:
    """Return a question: how many statements of this kind wait for a lock."""
    return f"""
        select count(*) from pg_stat_activity where datname = current_database()
        and application_name = 'tandem-projections' and wait_event_type = 'Lock'
        and ltrim(query, E' \\n') like '{waiting}'
    """
