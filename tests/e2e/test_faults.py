"""What breaks while orders come in: the broker, its messages, the worker. No command notices, and no event is lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import httpx
import pytest
import redis
from sqlalchemy import Engine

import domain.database
import projections.database
from api import data_folder, embedded
from api.processes import stop
from domain.database import log_engine
from projections.catalogue import projections as all_projections
from tests.conftest import free_port
from tests.support import tables
from tests.support.client import Client

SLOWEST = 0.5  # seconds that a command may take, whatever is broken
LEVEL_WITHIN = 3.0  # seconds after which projections are level once what was broken works again
DEAD_FOR = 7.0  # seconds; long enough for whoever tries again ever more seldom to have become too seldom


@dataclass(slots=True, kw_only=True)
class Tandem:
    """A whole Tandem with servers of its own, whose parts a test may break."""

    where: embedded.Places
    valkey: subprocess.Popen[bytes]
    worker: subprocess.Popen[bytes]
    client: Client
    log: Engine
    start_worker: Callable[[], subprocess.Popen[bytes]]

    def level(self) -> bool:
        heads = tables.heads(self.log)
        return all(reached == heads for reached in tables.checkpoints(self.where.read_url).values())

    def lags_for(self) -> float:
        """Return the seconds until projections are level."""
        began = monotonic()
        eventually(self.level, "projections are level", seconds=15)
        return monotonic() - began

    def holds_the_fold_of_its_log(self) -> bool:
        return tables.read_tables(self.where.read_url) == tables.folded(self.log)


@pytest.fixture(scope="module")
def tandem(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tandem]:
    folder = tmp_path_factory.mktemp("faults") / "data"
    data_folder.make(folder)
    with embedded.places(folder) as where, ExitStack() as stack:
        stack.callback(stop, embedded.start_postgres(where, {}), *embedded.POSTGRES_STOP)
        domain.database.migrate(where.write_url)
        projections.database.migrate(where.read_url)
        port = free_port()

        def start(*arguments: str) -> subprocess.Popen[bytes]:
            urls = {
                "TANDEM_WRITE_DATABASE_URL": where.write_url,
                "TANDEM_READ_DATABASE_URL": where.read_url,
                "TANDEM_REDIS_URL": where.redis_url,
            }
            with (where.logs / f"{arguments[0]}.log").open("ab") as log:
                command = [sys.executable, "-m", "api.cli", *arguments]
                return subprocess.Popen(command, env=os.environ | urls, stdout=log, stderr=log, start_new_session=True)

        log = log_engine(where.write_url)
        stack.callback(log.dispose)
        http = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10))
        running = Tandem(
            where=where,
            valkey=embedded.start_valkey(where),
            worker=start("worker"),
            client=Client(http=http).as_staff(),
            log=log,
            start_worker=lambda: start("worker"),
        )
        stack.callback(lambda: end(running.valkey))
        stack.callback(lambda: end(running.worker))
        stack.callback(end, start("api", "--port", str(port)))
        eventually(lambda: answers(http), "the API answers")
        running.client.registered()  # which waits for the worker
        yield running
    embedded.remove(folder)


def end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGCONT)
    stop(process, signal.SIGTERM)


def answers(http: httpx.Client) -> bool:
    try:
        return http.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def eventually(holds: Callable[[], bool], what: str, *, seconds: float = 30) -> None:
    until = monotonic() + seconds
    while not holds():
        assert monotonic() < until, f"{what}: not within {seconds} s"
        sleep(0.02)


@contextmanager
def orders_coming_in(tandem: Tandem) -> Iterator[list[tuple[str, float]]]:
    """Place and pay orders without a pause during the block; yield what each command was answered, and its seconds."""
    user, product = tandem.client.registered(), tandem.client.added(stock=1_000_000)
    outcomes: list[tuple[str, float]] = []
    enough = Event()

    def give(field: str, given: dict[str, Any]) -> str:
        began = monotonic()
        answer = tandem.client.give(field, given, select="orderId")
        outcomes.append((answer["__typename"], monotonic() - began))
        return answer["orderId"]

    def work() -> None:
        while not enough.is_set():
            items = [{"productId": product, "quantity": 1}]
            order = give("createOrder", {"userId": user, "items": items, "idempotencyKey": uuid4().hex})
            give("payOrder", {"orderId": order, "paymentReference": "pi_1"})

    workers = [Thread(target=work) for _ in range(2)]
    for each in workers:
        each.start()
    try:
        yield outcomes
    finally:
        enough.set()
        for each in workers:
            each.join()


def come_in(outcomes: list[tuple[str, float]], more: int) -> None:
    """Return once as many more commands have been answered."""
    wanted = len(outcomes) + more
    eventually(lambda: len(outcomes) >= wanted, f"{more} more commands are answered")


def slow_or_refused(outcomes: list[tuple[str, float]]) -> list[tuple[str, float]]:
    return [outcome for outcome in outcomes if outcome[0] != "OrderAccepted" or outcome[1] > SLOWEST]


class TestLostMessages:
    def test_cost_no_more_than_a_sweep(self, tandem: Tandem) -> None:
        with (
            redis.Redis.from_url(tandem.where.redis_url) as client,
            orders_coming_in(tandem) as outcomes,
        ):
            for _ in range(10):
                come_in(outcomes, 10)
                client.flushall()
        client.flushall()
        assert tandem.lags_for() < LEVEL_WITHIN
        assert slow_or_refused(outcomes) == []
        assert tandem.holds_the_fold_of_its_log()


class TestAWorker:
    def test_killed_amid_its_work_loses_nothing_and_does_nothing_twice(self, tandem: Tandem) -> None:
        with orders_coming_in(tandem) as outcomes:
            for _ in range(3):
                come_in(outcomes, 60)
                os.killpg(tandem.worker.pid, signal.SIGKILL)
                tandem.worker.wait()
                come_in(outcomes, 60)
                tandem.worker = tandem.start_worker()
        eventually(tandem.level, "projections are level")
        assert slow_or_refused(outcomes) == []
        assert tandem.holds_the_fold_of_its_log()
        assert {projection.name: tables.heads(tandem.log) for projection in all_projections()} == tables.checkpoints(
            tandem.where.read_url
        )


class TestValkey:
    def test_frozen_then_dead_is_noticed_by_no_command_and_projections_are_level_soon_after_its_return(
        self, tandem: Tandem
    ) -> None:
        with orders_coming_in(tandem) as outcomes:
            come_in(outcomes, 20)
            tandem.valkey.send_signal(signal.SIGSTOP)
            come_in(outcomes, 100)
            tandem.valkey.kill()
            tandem.valkey.wait()
            back = monotonic() + DEAD_FOR
            eventually(lambda: monotonic() > back, "orders have come in for long enough")
        assert not tandem.level(), "nothing lags without a broker: this shows nothing"
        tandem.valkey = embedded.start_valkey(tandem.where)
        assert tandem.lags_for() < LEVEL_WITHIN
        assert slow_or_refused(outcomes) == []
        assert tandem.holds_the_fold_of_its_log()
