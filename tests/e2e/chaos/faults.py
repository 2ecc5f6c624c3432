"""The faults: each strikes once and is over when it returns, what it broke being started again."""

import json
import os
import random
import signal
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import sleep
from typing import Any

import psycopg

from tests.support.running import Part, Running, answers, eventually

CHILDREN = 2  # of each worker
AT_WORK = 2  # workers, before one of all is killed
_MESSAGES = 100
_DOWN = 0.3  # seconds that what was killed stays away, so that others notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What faults strike: what runs, the queue's key in Redis, and a way to send one more nudge."""

    running: Running
    queue: str
    nudge: Callable[[], None]
    chance: random.Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`strike` returns how many processes it killed."""

    name: str
    strike: Callable[[Ground], int]


def child_killed(ground: Ground) -> int:
    """Kill -9 of a worker's child, in whatever it is at; its parent forks another one."""
    # A worker that loses a child while it starts ends itself, which is another fault.
    worker = _one_at_work(ground, at_work=len(ground.running.workers))
    with suppress(ProcessLookupError):
        os.kill(ground.chance.choice(worker.children()), signal.SIGKILL)
    return 1


def worker_killed(ground: Ground) -> int:
    """Kill -9 of a worker's main process; its children, and what they are at, are left to themselves."""
    worker = _one_at_work(ground)
    worker.kill()
    worker.restart()
    return 1


def worker_group_killed(ground: Ground) -> int:
    """Kill -9 of a worker with all its children, as a machine dies."""
    worker = _one_at_work(ground)
    worker.kill_group()
    worker.restart()
    return 1


def api_killed(ground: Ground) -> int:
    api = ground.chance.choice(ground.running.apis)
    api.kill()
    sleep(_DOWN)
    api.restart()
    eventually(lambda: answers(f"{api.url}/graphql", below=500), f"{api.name} answers")
    return 1


def valkey_killed(ground: Ground) -> int:
    """Kill -9 of Valkey, and nothing of what it had is there when it comes back."""
    valkey = ground.running.valkey
    valkey.kill()
    sleep(_DOWN)
    valkey.restart()
    with ground.running.redis() as client:
        client.flushall()
    return 1


def postgres_killed(ground: Ground) -> int:
    """Kill -9 of the postmaster; it recovers from its log when it is started again."""
    ground.running.postgres.kill()
    sleep(_DOWN)
    ground.running.postgres.restart()
    return 1


def backend_killed(ground: Ground) -> int:
    """Kill -9 of one connection's server process, upon which PostgreSQL ends all others and recovers."""
    where = ground.running.where
    with psycopg.connect(where.write_url, autocommit=True) as connection:
        ours = "select pid from pg_stat_activity where datname is not null and pid <> pg_backend_pid()"
        pids = [pid for (pid,) in connection.execute(ours)]
    with suppress(ProcessLookupError):
        os.kill(ground.chance.choice(pids), signal.SIGKILL)
    sleep(0.05)
    eventually(lambda: _connects(where.write_url), "PostgreSQL has recovered")
    return 1


def nudges_lost(ground: Ground) -> int:
    """All that Redis holds is gone: messages, marks, partitions that were noted."""
    with ground.running.redis() as client:
        client.flushall()
    return 0


def nudges_doubled(ground: Ground) -> int:
    """Every message that waits is there ten times and in any order, with ten more that nobody sent for a reason."""
    for _ in range(10):
        ground.nudge()
    with ground.running.redis() as client:
        waiting: Sequence[Any] = client.lrange(ground.queue, 0, _MESSAGES - 1)  # or they grow without end
        if many := [message for message in waiting for _ in range(9)]:
            ground.chance.shuffle(many)
            client.lpush(ground.queue, *many)
        client.zadd("tandem:due", dict.fromkeys(ground.chance.sample(range(64), 10), 1.0))
    return 0


def garbage_sent(ground: Ground) -> int:
    """Whatever a confused sender may leave in the queue, and among the partitions that were noted."""
    with ground.running.redis() as client:
        client.lpush(ground.queue, *garbage())
        client.zadd("tandem:due", dict.fromkeys([b"\xff\x00", "-1", "64", "nonsense", "1e9", ""], 1.0))
    return 0


def garbage() -> list[bytes]:
    nothing = json.dumps([[], {}, {}])
    return [
        b"\x80\x04\x95\x00binary",
        b"{",
        b"null",
        b"[]",
        b"17",
        b"{}",
        message("tandem.project", b64encode(b"not json").decode()),
        message("tandem.project", "not base64"),
        message("tandem.project", b64encode(b"[1, 2]").decode()),
        message("tandem.project", b64encode(json.dumps([[1, 2, 3], {}, {}]).encode()).decode()),
        message("tandem.project", b64encode(json.dumps([[], {"partition": "x"}, {}]).encode()).decode()),
        message("no.such.task", b64encode(nothing.encode()).decode()),
        message("tandem.project", b64encode(b"\x80\x04N.").decode(), content_type="application/x-python-serialize"),
        message("tandem.project", b64encode(nothing.encode()).decode(), content_type="text/nonsense"),
    ]


def message(task: str, body: str, *, content_type: str = "application/json") -> bytes:
    return json.dumps(
        {
            "body": body,
            "content-encoding": "utf-8",
            "content-type": content_type,
            "headers": {"lang": "py", "task": task, "id": "1", "root_id": "1"},
            "properties": {
                "correlation_id": "1",
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": "project"},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": "1",
            },
        }
    ).encode()


def _one_at_work(ground: Ground, *, at_work: int = AT_WORK) -> Part:
    """Return a worker that has its children, once there is another one that works while this one will not."""
    worker = ground.chance.choice(ground.running.workers)
    eventually(lambda: _listening(ground) >= at_work, "workers work")
    eventually(lambda: len(worker.children()) >= CHILDREN, f"{worker.name} has its children")
    return worker


def _listening(ground: Ground) -> int:
    """Count the workers that wait for messages, or have just had one."""
    with ground.running.redis() as client:
        return sum(each["cmd"] == "brpop" for each in client.client_list())


def _connects(url: str) -> bool:
    with psycopg.connect(url):
        return True


CHILD_KILLED = Fault(name="a worker's child killed", strike=child_killed)
WORKER_KILLED = Fault(name="a worker's main process killed", strike=worker_killed)
WORKER_GROUP_KILLED = Fault(name="a worker killed with its children", strike=worker_group_killed)
API_KILLED = Fault(name="an API process killed", strike=api_killed)
VALKEY_KILLED = Fault(name="Valkey killed, and empty afterwards", strike=valkey_killed)
POSTGRES_KILLED = Fault(name="PostgreSQL killed", strike=postgres_killed)
BACKEND_KILLED = Fault(name="a connection's PostgreSQL process killed", strike=backend_killed)
NUDGES_LOST = Fault(name="all nudges lost", strike=nudges_lost)
NUDGES_DOUBLED = Fault(name="nudges ten times, and shuffled", strike=nudges_doubled)
GARBAGE_SENT = Fault(name="garbage in the queue", strike=garbage_sent)
