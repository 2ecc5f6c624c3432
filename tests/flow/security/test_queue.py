"""Whoever can write to Redis can make workers look for what is new, and do nothing else."""

import json
from base64 import b64encode

import redis

from api.settings import Settings
from domain.database import log_engine
from tests.e2e.chaos.drill import QUEUE
from tests.e2e.chaos.faults import garbage, message
from tests.support import tables
from tests.support.client import Client
from tests.support.serving import eventually


def test_s64_messages_that_nobody_sent_do_nothing(in_production: Settings, stranger: Client) -> None:
    rebuild = b64encode(json.dumps([[], {"projection": "users_view; drop table"}, {}]).encode()).decode()
    forged = [*garbage(), message("tandem.rebuild", rebuild), message("celery.backend_cleanup", rebuild)]
    log = log_engine(in_production.write.database_url)
    before = tables.heads(log)
    with redis.Redis.from_url(in_production.queue.redis_url) as client:
        client.lpush(QUEUE, *forged)
        eventually(lambda: client.llen(QUEUE) == 0)
    assert tables.heads(log) == before
    user = stranger.registered()  # which is shown, so the worker works
    assert sum(tables.heads(log).values()) == sum(before.values()) + 1
    log.dispose()
    assert stranger.as_customer(user).ask("{ me { id } }") == {"me": {"id": user}}
