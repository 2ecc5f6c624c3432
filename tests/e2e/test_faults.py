"""Whatever is killed, lost or doubled under load: nothing that was acknowledged is lost, and nothing is done twice.

This is the short form; `make chaos` runs the same faults some hundred times.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.e2e.chaos import faults
from tests.e2e.chaos.drill import Drill
from tests.e2e.chaos.faults import Fault
from tests.e2e.chaos.renames import NEW, OLD, rename_while_ordering
from tests.support.oracle import Verdict, verdict
from tests.support.running import answers, eventually

SHORT = [
    (faults.CHILD_KILLED, 15),
    (faults.WORKER_KILLED, 2),
    (faults.WORKER_GROUP_KILLED, 2),
    (faults.API_KILLED, 1),
    (faults.VALKEY_KILLED, 1),
    (faults.POSTGRES_KILLED, 1),
    (faults.BACKEND_KILLED, 1),
    (faults.NUDGES_LOST, 10),
    (faults.NUDGES_DOUBLED, 10),
    (faults.GARBAGE_SENT, 3),
]
ROUNDS = 100


ONE_ORDER = "(select order_id from user_orders_view order by order_id limit 1)"
LAST_EVENT = "(partition, position) = (select partition, position from log_heads order by position desc limit 1)"
AGAIN = f"""
    insert into events select partition, 1000000, gen_random_uuid(), gen_random_uuid(), 'copy', 1, type,
        schema_version, data, metadata, occurred_at, recorded_at from events where {LAST_EVENT}
"""


class TestTheOracle:
    """It would have noticed."""

    @pytest.mark.parametrize(
        ("damage", "lost", "doubled", "words"),
        [
            (f"update user_orders_view set timeline = timeline - -1 where order_id = {ONE_ORDER}", 1, 0, "differ in"),
            (
                f"update user_orders_view set timeline = timeline || (timeline -> -1) where order_id = {ONE_ORDER}",
                *(0, 1, "the fold of the log and the read tables differ in user_orders_view"),
            ),
            ("update products_view set units_sold = units_sold + 1", 0, 0, "the read tables differ in products_view"),
            ("update users_view set name = name || '!'", 0, 0, "the write store and the read tables differ in users"),
            (
                "update checkpoints set halted = 'broken', position = position + 1000 where partition = 0",
                0,
                0,
                "is halted: ",
            ),
        ],
    )
    def test_sees_a_damaged_read_table(
        self, under_load: Drill, damage: str, lost: int, doubled: int, words: str
    ) -> None:
        found = after(damage, under_load, under_load.tandem.running.where.read_url)
        assert (found.lost, found.doubled) == (lost, doubled)
        assert any(words in complaint for complaint in found.complaints), found.complaints

    @pytest.mark.parametrize(
        ("damage", "lost", "doubled"), [(f"delete from events where {LAST_EVENT}", 1, 0), (AGAIN, 0, 1)]
    )
    def test_sees_a_damaged_log(self, under_load: Drill, damage: str, lost: int, doubled: int) -> None:
        found = after(damage, under_load, under_load.tandem.running.where.write_url)
        assert (found.lost, found.doubled) == (lost, doubled)
        assert any("the log has holes" in complaint for complaint in found.complaints), found.complaints


@pytest.mark.parametrize(("fault", "times"), SHORT, ids=[fault.name for fault, _ in SHORT])
def test_loses_nothing_and_does_nothing_twice(under_load: Drill, fault: Fault, times: int) -> None:
    outcome = under_load.strike(fault, times)
    assert outcome.acknowledged > 0, "no load: this shows nothing"
    assert (outcome.verdict.lost, outcome.verdict.doubled, outcome.verdict.complaints) == (0, 0, [])


def test_a_rename_while_orders_come_in_leaves_no_row_with_the_old_name(under_load: Drill) -> None:
    found = rename_while_ordering(under_load.tandem, ROUNDS)
    assert set(found.placed) == {OLD, NEW}, "orders were to come before and after the renames: this shows nothing"
    assert found.shown == {NEW: 2 * ROUNDS}


@pytest.mark.parametrize("which", ["worker", "api"])
def test_the_loss_of_any_one_process_stops_no_command_and_no_projection(under_load: Drill, which: str) -> None:
    running = under_load.tandem.running
    lost = (running.workers if which == "worker" else running.apis)[0]
    lost.kill_group()
    try:
        under_load.come_in(20)
        under_load.tandem.lags_for()  # which fails if they never are
    finally:
        lost.restart()
        if lost.url:
            eventually(lambda: answers(f"{lost.url}/readyz"), "it answers again")


def after(damage: str, drill: Drill, url: str) -> Verdict:
    """Return the verdict on a damaged store, which is whole again afterwards."""
    with drill.traffic.quiet():
        drill.tandem.lags_for()
        with damaged(url, damage):
            return verdict(drill.tandem, drill.traffic)


@contextmanager
def damaged(url: str, damage: str) -> Iterator[None]:
    table = damage.split()[{"update": 1, "delete": 2, "insert": 2}[damage.split(maxsplit=1)[0]]]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create table kept as table {table}".encode())
        try:
            connection.execute(damage.encode())
            yield
        finally:
            with connection.transaction():
                connection.execute(f"delete from {table}".encode())
                connection.execute(f"insert into {table} select * from kept".encode())
                connection.execute(b"drop table kept")
