"""Projecting the usual way: a Celery task an event, which carries the event and writes its row.

Run as a module, this is the worker; what commands it sends is in TANDEM_*.
"""

import os
from typing import Any

import orjson
import psycopg
from celery import Celery

from tasks.settings import QueueSettings

TABLE = "peer_orders"
TASK = "peer.upsert"

CREATE = f"""
    create table {TABLE} (
        order_id uuid primary key, number text, user_id uuid, user_name text, user_email text, total numeric,
        currency text, item_count int, item_names text, items jsonb, status text, created_at timestamptz,
        updated_at timestamptz, version int
    );
    create index on {TABLE} (user_id, created_at, order_id)
"""
_UPSERT = f"""
    insert into {TABLE}
    select * from jsonb_populate_record(cast(null as {TABLE}), %s)
    on conflict (order_id) do update set
        number = excluded.number, user_name = excluded.user_name, user_email = excluded.user_email,
        total = excluded.total, item_count = excluded.item_count, item_names = excluded.item_names,
        items = excluded.items, status = excluded.status, updated_at = excluded.updated_at, version = excluded.version
"""


def create_app(redis_url: str) -> Celery:
    app = Celery("peer", broker=QueueSettings(redis_url=redis_url).broker_url, set_as_current=False)
    app.conf.update(task_ignore_result=True, task_default_queue="peer", broker_connection_retry_on_startup=True)
    return app


def main() -> None:
    app = create_app(os.environ["TANDEM_REDIS_URL"])
    url = os.environ["TANDEM_READ_DATABASE_URL"]
    connections: dict[int, psycopg.Connection] = {}  # one a process, made after the fork

    def upsert(event: dict[str, Any]) -> None:
        if os.getpid() not in connections:
            connections[os.getpid()] = psycopg.connect(url, autocommit=True)
        connections[os.getpid()].execute(_UPSERT, (orjson.dumps(event).decode(),))

    app.task(name=TASK)(upsert)
    app.worker_main(["worker", "--concurrency=2", "--loglevel=WARNING"])


if __name__ == "__main__":
    main()
