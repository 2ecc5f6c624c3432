"""Receipts are kept for thirty days at least, then pruned: in batches, by any number of workers, once an hour."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from time import monotonic, sleep
from uuid import uuid4

import psycopg
import pytest
import redis
from celery.contrib.testing.worker import start_worker
from kombu.exceptions import OperationalError
from sqlalchemy import Engine

from api.settings import Settings
from domain import receipts
from domain.bus import Accepted
from domain.commands import RegisterUser
from domain.database import maintenance_engine
from projections import progress
from tasks import prune
from tasks.app import create_producer, create_worker
from tasks.prune import EVERY, KEPT, PRUNE, SENT
from tasks.settings import QueueSettings
from tasks.sweep import Sweep
from tests.support import tables
from tests.support.shop import STAFF, Shop, email

QUEUE = "tandem:project"


@pytest.fixture
def maintenance(fresh: Settings) -> Iterator[Engine]:
    engine = maintenance_engine(fresh.write.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def valkey(fresh: Settings) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(fresh.queue.redis_url) as client:
        yield client


@contextmanager
def sending(redis_url: str) -> Iterator[prune.Send]:
    with create_producer(QueueSettings(redis_url=redis_url)) as producer, progress.connect(redis_url) as client:
        yield prune.sender(producer, client)


def keys(fresh: Settings) -> list[str]:
    return sorted(row["key"] for row in tables.everything(fresh.write.database_url)["receipts"])


def age(fresh: Settings, *days: int) -> None:
    """Leave a receipt that is as old as each of these: `0 days, 0`, `31 days, 1` and so on."""
    with psycopg.connect(fresh.write.database_url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into receipts (actor, key, fingerprint, stream_id, version, created_at)
            values (%s, %s, '', gen_random_uuid(), 1, clock_timestamp() - make_interval(days => %s))
            """,
            [(STAFF.id, f"{old} days, {number}", old) for number, old in enumerate(days)],
        )


class TestPruning:
    def test_keeps_a_receipt_for_thirty_days_and_no_longer(self, fresh: Settings) -> None:
        age(fresh, 0, 29, 30, 31, 400)
        assert prune.prune(fresh.write) == 3
        assert KEPT.days == 30
        assert keys(fresh) == ["0 days, 0", "29 days, 1"]

    def test_has_nothing_to_do_in_a_new_shop(self, fresh: Settings) -> None:
        assert prune.prune(fresh.write) == 0

    async def test_leaves_the_answer_of_every_key_that_it_keeps(self, fresh: Settings, fresh_shop: Shop) -> None:
        command = RegisterUser(name="Ada", email=email())
        first = await fresh_shop.give(command, idempotency_key="kept")
        set_back(fresh, "kept", timedelta(days=29))
        age(fresh, 31)
        assert prune.prune(fresh.write) == 1
        assert await fresh_shop.give(command, idempotency_key="kept") == replace(first, replayed=True)

    async def test_makes_a_key_a_new_one(self, fresh: Settings, fresh_shop: Shop) -> None:
        first = await fresh_shop.give(RegisterUser(name="Ada", email=email()), idempotency_key="gone")
        set_back(fresh, "gone", timedelta(days=31))
        assert prune.prune(fresh.write) == 1
        again = await fresh_shop.give(RegisterUser(name="Grace", email=email()), idempotency_key="gone")
        assert (again.replayed, again.stream_id != first.stream_id) == (False, True)
        assert keys(fresh) == ["gone"]


class TestABatch:
    def test_is_of_the_oldest(self, fresh: Settings, maintenance: Engine) -> None:
        age(fresh, 33, 31, 35, 32, 34)
        with maintenance.connect() as connection:
            assert receipts.prune(connection, older_than=KEPT, limit=2) == 2
            assert keys(fresh) == ["31 days, 1", "32 days, 3", "33 days, 0"]
            assert receipts.prune(connection, older_than=KEPT, limit=2) == 2
            assert receipts.prune(connection, older_than=KEPT, limit=2) == 1
            assert receipts.prune(connection, older_than=KEPT, limit=2) == 0
        assert keys(fresh) == []

    @pytest.mark.parametrize(("batch", "statements"), [(2, 3), (5, 2), (1000, 1)])
    def test_follows_a_batch_until_one_is_not_full(
        self, fresh: Settings, monkeypatch: pytest.MonkeyPatch, batch: int, statements: int
    ) -> None:
        age(fresh, 0, *[31] * 5)
        calls = counted(monkeypatch)
        assert prune.prune(fresh.write, batch=batch) == 5
        assert calls == [batch] * statements
        assert keys(fresh) == ["0 days, 0"]

    def test_is_the_last_once_time_is_over(self, fresh: Settings) -> None:
        age(fresh, *[31] * 5)
        assert prune.prune(fresh.write, batch=2, seconds=0) == 2
        assert len(keys(fresh)) == 3

    def test_that_another_has_locked_is_left_to_it(self, fresh: Settings, maintenance: Engine) -> None:
        age(fresh, 31, 32, 33)
        with psycopg.connect(fresh.write.database_url) as other:
            other.execute("select from receipts where key = '33 days, 2' for update")
            with maintenance.connect() as connection:
                assert receipts.prune(connection, older_than=KEPT, limit=2) == 2
            assert keys(fresh) == ["33 days, 2"]

    async def test_of_each_of_two_at_once_is_another(self, fresh: Settings) -> None:
        age(fresh, 0, *[31] * 2000)
        pruned = await asyncio.gather(*(asyncio.to_thread(prune.prune, fresh.write, batch=50) for _ in range(2)))
        assert sum(pruned) == 2000
        assert keys(fresh) == ["0 days, 0"]

    async def test_hinders_no_command(self, fresh: Settings, fresh_shop: Shop) -> None:
        age(fresh, *[31] * 2000)

        async def register() -> Accepted:
            return await fresh_shop.give(RegisterUser(name="Ada", email=email()), idempotency_key=uuid4().hex)

        pruned, *accepted = await asyncio.gather(
            asyncio.to_thread(prune.prune, fresh.write, batch=100), *(register() for _ in range(50))
        )
        assert (pruned, len(accepted), len(keys(fresh))) == (2000, 50, 50)


class TestTheTask:
    def test_is_carried_out_by_a_worker_that_it_was_sent_to(self, fresh: Settings) -> None:
        age(fresh, 29, 31)
        worker = create_worker(fresh.worker)
        with (
            start_worker(worker, pool="solo", perform_ping_check=False, loglevel="WARNING"),
            sending(fresh.queue.redis_url) as send,
        ):
            send()
            until = monotonic() + 10
            while len(keys(fresh)) > 1 and monotonic() < until:
                sleep(0.02)
        assert keys(fresh) == ["29 days, 0"]

    def test_does_not_mind_what_a_newer_sender_adds(self, fresh: Settings) -> None:
        age(fresh, 31)
        prune.task(fresh.write)(priority=5)
        assert keys(fresh) == []

    def test_is_known_to_each_worker_by_the_name_that_it_is_sent_by(self, fresh: Settings) -> None:
        first, second = (create_worker(fresh.worker).tasks for _ in range(2))
        assert PRUNE in first
        assert first[PRUNE] is not second[PRUNE]


class TestSending:
    def test_is_done_once_an_hour_whoever_may_ask_for_it(self, fresh: Settings, valkey: redis.Redis) -> None:
        with sending(fresh.queue.redis_url) as one, sending(fresh.queue.redis_url) as other:
            for send in (one, other, one, other):
                send()
        assert valkey.llen(QUEUE) == 1
        assert 0 < valkey.ttl(SENT) <= EVERY.total_seconds() == 3600

    def test_is_done_again_when_the_hour_is_over(self, fresh: Settings, valkey: redis.Redis) -> None:
        with sending(fresh.queue.redis_url) as send:
            send()
            valkey.delete(SENT)
            send()
        assert valkey.llen(QUEUE) == 2

    def test_is_part_of_every_sweep(self, fresh: Settings, valkey: redis.Redis) -> None:
        with create_producer(fresh.queue) as producer:
            sweep = Sweep(fresh.worker, producer)
            sweep.start()
            until = monotonic() + 10
            while not valkey.llen(QUEUE) and monotonic() < until:
                sleep(0.02)
            sweep.stop()
        assert json.loads(valkey.lrange(QUEUE, 0, -1)[0])["headers"]["task"] == PRUNE

    def test_is_put_off_while_redis_is_gone(self, tmp_path: object) -> None:
        with sending(f"unix://{tmp_path}/no.sock") as send, pytest.raises((redis.RedisError, OperationalError)):
            send()


def set_back(fresh: Settings, key: str, by: timedelta) -> None:
    with psycopg.connect(fresh.write.database_url) as connection:
        connection.execute("update receipts set created_at = created_at - %s where key = %s", (by, key))


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the limit of every statement that prunes."""
    limits: list[int] = []
    real = receipts.prune

    def noting(connection: object, *, older_than: timedelta, limit: int) -> int:
        limits.append(limit)
        return real(connection, older_than=older_than, limit=limit)

    monkeypatch.setattr(receipts, "prune", noting)
    return limits
