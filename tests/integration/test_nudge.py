"""Nudges over a real Valkey: few, never in the way, and found again by the sweep when lost."""

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic, sleep

import pytest
import redis
from sqlalchemy import Engine

from api.settings import Settings
from domain.event_log import partition_of_product, partition_of_user
from projections import lag, progress
from projections.catalogue import projections
from projections.runner import Runner
from tasks import project
from tasks.app import create_producer
from tasks.nudge import Nudger, Send, sender
from tasks.project import PROJECT
from tasks.settings import QueueSettings
from tasks.sweep import Sweep
from tests.support import tables
from tests.support.shop import Shop

QUEUE, DUE, NUDGED = "tandem:project", "tandem:due", "tandem:nudged"
NAMES = [projection.name for projection in projections()]


@pytest.fixture
def valkey(fresh: Settings) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(fresh.queue.redis_url) as client:
        yield client


@pytest.fixture
def send(fresh: Settings) -> Iterator[Send]:
    with sending(fresh.queue.redis_url) as send:
        yield send


@contextmanager
def sending(redis_url: str) -> Iterator[Send]:
    with create_producer(QueueSettings(redis_url=redis_url)) as producer, progress.connect(redis_url) as client:
        yield sender(client, partial(project.enqueue, producer))


def messages(valkey: redis.Redis) -> list[str]:
    """Return the tasks that wait in the queue."""
    return [json.loads(message)["headers"]["task"] for message in valkey.lrange(QUEUE, 0, -1)]


def noted(valkey: redis.Redis) -> set[int]:
    """Return the partitions that the next task will take."""
    return {int(partition) for partition in valkey.zrange(DUE, 0, -1)}


def note(valkey: redis.Redis, *partitions: object) -> None:
    valkey.zadd(DUE, dict.fromkeys(partitions, 1.0))


def waits(valkey: redis.Redis) -> int:
    """Return how often anybody has waited for partitions."""
    return int(valkey.info("commandstats").get("cmdstat_bzmpop", {"calls": 0})["calls"])


def run_the_task(settings: Settings, **arguments: object) -> int:
    """Run the task here; return how often it asked to be run again."""
    again: list[int] = []
    project.task(settings.worker, again=lambda: again.append(1))(**arguments)
    return len(again)


def shown(fresh: Settings) -> set[str]:
    return set(tables.read_tables(fresh.read.database_url)["users_view"])


def eventually(holds: Callable[[], bool], seconds: float = 10) -> None:
    until = monotonic() + seconds
    while not holds():
        assert monotonic() < until, f"it does not hold after {seconds} s"
        sleep(0.01)


class TestSending:
    def test_notes_partitions_and_sends_one_message_for_all(self, send: Send, valkey: redis.Redis) -> None:
        send([3, 5])
        send([5, 3, 8])
        assert (messages(valkey), noted(valkey)) == ([PROJECT], {3, 5, 8})

    def test_counts_a_message_as_on_its_way_for_a_second_at_most(self, send: Send, valkey: redis.Redis) -> None:
        send([3])
        assert 0 < valkey.pttl(NUDGED) <= 1000

    def test_sends_again_once_the_mark_is_gone(self, send: Send, valkey: redis.Redis) -> None:
        send([3])
        valkey.delete(NUDGED)
        send([3])
        assert (messages(valkey), noted(valkey)) == ([PROJECT, PROJECT], {3})


class TestTheTask:
    async def test_clears_the_mark_and_projects_what_was_noted(
        self, fresh: Settings, fresh_shop: Shop, valkey: redis.Redis, log: Engine, read: Engine
    ) -> None:
        partitions = {partition_of_user(await fresh_shop.user()) for _ in range(5)}
        note(valkey, *partitions)
        valkey.set(NUDGED, 1)
        assert run_the_task(fresh) == 0
        assert (valkey.exists(NUDGED), noted(valkey)) == (0, set())
        assert lag.partitions_behind(log=log, read=read, names=NAMES) == []

    def test_calls_one_more_to_help_where_much_was_noted(self, fresh: Settings, valkey: redis.Redis) -> None:
        note(valkey, *range(64))
        assert [run_the_task(fresh) for _ in range(2)] == [1, 0]
        assert noted(valkey) == set()

    async def test_waits_a_while_for_what_comes_next_which_needs_no_message(
        self, fresh: Settings, fresh_shop: Shop, valkey: redis.Redis, send: Send
    ) -> None:
        with ThreadPoolExecutor() as threads:
            running = threads.submit(run_the_task, fresh)
            eventually(lambda: bool(valkey.exists(NUDGED)))
            user = await fresh_shop.user()
            send([partition_of_user(user)])
            assert running.result(60) == 0
        assert (messages(valkey), valkey.exists(NUDGED), noted(valkey)) == ([], 0, set())
        assert tables.read_tables(fresh.read.database_url)["users_view"].keys() == {str(user)}

    def test_does_not_wait_once_its_worker_is_to_stop(self, fresh: Settings, valkey: redis.Redis) -> None:
        note(valkey, 7)
        waited = waits(valkey)
        project.task(fresh.worker, again=lambda: None, stopping=lambda: True)()
        assert (waits(valkey), noted(valkey)) == (waited, set())

    async def test_does_not_mind_what_a_newer_sender_adds_nor_what_is_no_partition(
        self, fresh: Settings, fresh_shop: Shop, valkey: redis.Redis, log: Engine, read: Engine
    ) -> None:
        note(valkey, partition_of_user(await fresh_shop.user()), 64, -1, "garbage", b"\xff")
        assert run_the_task(fresh, partition=3, priority=5) == 0
        assert lag.partitions_behind(log=log, read=read, names=NAMES) == []


class TestTheNudger:
    def test_sends_what_it_is_given(self, send: Send, valkey: redis.Redis) -> None:
        nudger = Nudger(send)
        nudger.start()
        for partition in (3, 5, 3, 5, 8):
            nudger(partition)
        nudger.stop()
        assert (messages(valkey), noted(valkey)) == ([PROJECT], {3, 5, 8})

    def test_neither_waits_nor_fails_without_redis_and_sends_again_once_it_is_back(
        self, valkey: redis.Redis, tmp_path: Path
    ) -> None:
        socket, real = tmp_path / "valkey.sock", valkey.connection_pool.connection_kwargs
        with sending(f"unix://{socket}?db={real['db']}") as send:
            nudger = Nudger(send)
            nudger.start()
            began = monotonic()
            for partition in range(1000):
                nudger(partition % 64)
            assert monotonic() - began < 0.1
            assert (messages(valkey), noted(valkey)) == ([], set())

            socket.symlink_to(real["path"])

            def sent() -> bool:
                nudger(7)
                return 7 in noted(valkey)

            eventually(sent)
            nudger.stop()

    def test_does_not_wait_for_a_redis_that_is_silent_when_it_stops(self) -> None:
        nudger = Nudger(lambda _: bool(sleep(5)))
        nudger.start()
        nudger(7)
        began = monotonic()
        nudger.stop(seconds=0.1)
        assert monotonic() - began < 1


class TestTheSweep:
    async def test_goes_on_after_an_error_that_nobody_expects(
        self, fresh: Settings, fresh_shop: Shop, valkey: redis.Redis
    ) -> None:
        await fresh_shop.user()
        with create_producer(fresh.queue) as producer:
            send, failures = producer.send_task, [RuntimeError("whatever Celery, kombu or Redis raise")]

            def send_or_fail(*arguments: object, **options: object) -> object:
                if failures:
                    raise failures.pop()
                return send(*arguments, **options)

            producer.send_task = send_or_fail
            sweep = Sweep(fresh.worker, producer)
            sweep.start()
            try:
                eventually(lambda: PROJECT in messages(valkey))
            finally:
                sweep.stop()
        assert failures == []

    async def test_without_redis_projects_by_itself_and_says_so_once_not_at_every_look(
        self, fresh: Settings, fresh_shop: Shop, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        gone = QueueSettings(redis_url=f"unix://{tmp_path}/valkey.sock")
        with create_producer(gone) as producer:
            sweep = Sweep(replace(fresh.worker, queue=gone), producer)
            sweep.start()
            for number in range(1, 4):  # the next one is found by a look after that
                await fresh_shop.user()
                await asyncio.to_thread(eventually, lambda number=number: len(shown(fresh)) == number)
            sweep.stop()
        assert [each.message for each in caplog.records if each.name == "tasks.sweep"] == ["sweep_projects_by_itself"]


class TestPartitionsBehind:
    async def test_are_those_with_events_that_a_projection_has_not_applied(
        self, fresh_shop: Shop, log: Engine, read: Engine
    ) -> None:
        def behind() -> list[int]:
            return sorted(lag.partitions_behind(log=log, read=read, names=NAMES))

        assert behind() == []
        user, product = await fresh_shop.user(), await fresh_shop.product()
        assert behind() == [partition_of_user(user), partition_of_product(product)]

        def drain(partition: int, *wanted: str) -> None:
            chosen = [projection for projection in projections() if projection.name in wanted]
            Runner(log=log, read=read, projections=chosen, publish=lambda _: None).drain(partition, seconds=10)

        drain(partition_of_user(user), *NAMES)
        assert behind() == [partition_of_product(product)]
        drain(partition_of_product(product), *NAMES[1:])
        assert behind() == [partition_of_product(product)]
        drain(partition_of_product(product), NAMES[0])
        assert behind() == []
