"""Nothing stops for good: what hangs, or holds a lock and does not let go, has a limit, and others go on meanwhile."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.support import hurried_worker, tables
from tests.support.hurried_worker import DEAF, ENDLESS
from tests.support.running import Part, Tandem, alive, eventually, servers, watched
from tests.support.shop import id_in

FORGOTTEN = 4  # seconds after which the store ends a session that holds a transaction open and does nothing
HELD, FREE = 7, 8  # partitions


@pytest.fixture(scope="module")
def tandem(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tandem]:
    """Two workers of one child each, whose limits are seconds."""
    folder = tmp_path_factory.mktemp("limits") / "data"
    with servers(folder, {"idle_in_transaction_session_timeout": f"{FORGOTTEN}s"}) as running:
        for _ in range(2):
            running.add_worker(hurried_worker.__name__, "1")
        running.add_api("api.cli", "api")
        with watched(running) as found:
            yield found


def register(tandem: Tandem, partition: int, name: str = "Ada") -> UUID:
    user = id_in(partition)
    given = {"id": str(user), "name": name, "email": f"{user}@example.com"}
    assert tandem.client.give("registerUser", given)["__typename"] == "UserAccepted"
    return user


def rename(tandem: Tandem, user: UUID) -> dict[str, Any]:
    """Give a command whose lock on its partition's head may not come; return the whole answer."""
    document = "mutation ($input: RenameUserInput!) { renameUser(input: $input) { __typename } }"
    given = {"userId": str(user), "name": "Grace", "idempotencyKey": uuid4().hex}
    answer: dict[str, Any] = tandem.client.post(document, input=given).json()
    return answer


def applied(tandem: Tandem, projection: str, partition: int) -> bool:
    head = tables.heads(tandem.log).get(partition, 0)
    return tandem.reached()[projection].get(partition, 0) == head


@contextmanager
def forgotten(url: str, statement: str) -> Iterator[psycopg.Connection]:
    """Hold what a statement locks, as somebody who went to lunch."""
    connection = psycopg.connect(url)
    try:
        connection.execute(statement.encode())
        yield connection
    finally:
        connection.close()


def is_ended(connection: psycopg.Connection) -> bool:
    try:
        connection.execute("select 1")
    except psycopg.errors.IdleInTransactionSessionTimeout:
        return True
    return False


class TestALockOnACheckpoint:
    def test_that_is_not_let_go_stops_one_projection_in_one_partition_until_the_store_ends_it(
        self, tandem: Tandem
    ) -> None:
        held = f"select from checkpoints where projection = 'users_view' and partition = {HELD} for update"
        with forgotten(tandem.running.where.read_url, held):
            register(tandem, HELD)
            register(tandem, FREE)
            eventually(lambda: applied(tandem, "user_orders_view", HELD), "other projections go on")
            eventually(lambda: applied(tandem, "users_view", FREE), "other partitions go on")
            assert not applied(tandem, "users_view", HELD)
            eventually(tandem.level, "the lock is taken from whoever forgot it")
        assert tandem.holds_the_fold_of_its_log()


class TestALockOnALogHead:
    def test_that_is_not_let_go_stops_commands_of_one_partition_until_the_store_ends_it(self, tandem: Tandem) -> None:
        user, other = register(tandem, HELD), register(tandem, FREE)
        held = f"select from log_heads where partition = {HELD} for update"
        with forgotten(tandem.running.where.write_url, held) as session:
            assert rename(tandem, other)["data"] == {"renameUser": {"__typename": "UserAccepted"}}
            eventually(lambda: "errors" not in rename(tandem, user), "commands go on where it was held")
            assert is_ended(session)
        eventually(tandem.level, "projections are level")
        assert tandem.holds_the_fold_of_its_log()


class TestAWorkersChild:
    def test_that_is_frozen_with_a_checkpoint_loses_it_to_another_one_and_is_killed(self, tandem: Tandem) -> None:
        user = register(tandem, HELD)
        eventually(tandem.level, "projections are level")
        worker, other = tandem.running.workers
        row = f"select from users_view where user_id = '{user}' for update"
        with stopped(other), forgotten(tandem.running.where.read_url, row):
            rename(tandem, user)
            eventually(lambda: waiting_for_a_lock(tandem) == 1, "a child waits for the row, with its checkpoint")
            [frozen] = worker.children()
            os.kill(frozen, signal.SIGSTOP)
        eventually(tandem.level, "the other worker goes on")
        eventually(lambda: not alive([frozen]), "it is killed")
        eventually(lambda: len(worker.children()) == 1, "another one takes its place")
        assert tandem.holds_the_fold_of_its_log()


class TestAFold:
    def test_that_does_not_return_sets_its_stream_aside_alone(self, tandem: Tandem) -> None:
        user = register(tandem, HELD, ENDLESS)
        others = [register(tandem, partition) for partition in (HELD, FREE)]
        eventually(tandem.level, "others go on")
        assert quarantined(tandem) == {str(user): "SoftTimeLimitExceeded"}
        shown = tables.read_tables(tandem.running.where.read_url)["users_view"]
        assert {str(other) for other in others} <= shown.keys()
        assert str(user) not in shown

    def test_that_takes_no_interruption_is_killed_with_its_process_and_its_event_applied_once_it_returns(
        self, tandem: Tandem
    ) -> None:
        eventually(tandem.level, "projections are level")
        workers = tandem.running.workers
        children = [child for worker in workers for child in worker.children()]
        user = register(tandem, HELD, DEAF)
        eventually(lambda: not alive(children), "both have tried, and are killed")
        eventually(lambda: all(worker.children() for worker in workers), "others take their places")
        for worker in workers:
            worker.kill_group()
        tandem.running.add_worker("api.cli", "worker")
        eventually(tandem.level, "a worker with a fold that returns goes on")
        assert str(user) in tables.read_tables(tandem.running.where.read_url)["users_view"]


@contextmanager
def stopped(part: Part) -> Iterator[None]:
    os.killpg(part.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(part.process.pid, signal.SIGCONT)


def waiting_for_a_lock(tandem: Tandem) -> int:
    query = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and application_name = %s"
    with psycopg.connect(tandem.running.where.read_url) as connection:
        [count] = connection.execute(query, ("tandem-projections",)).fetchone() or (0,)
        return int(count)


def quarantined(tandem: Tandem) -> dict[str, str]:
    with psycopg.connect(tandem.running.where.read_url) as connection:
        found = connection.execute("select stream_id, error from quarantine").fetchall()
    return {str(stream): error.split(":")[0] for stream, error in found}
