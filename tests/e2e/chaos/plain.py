"""The same faults against the usual way: the textbook's API, which commits and then calls `task.delay`, and a worker.

Its task does what users_view and user_orders_view do of an order: it writes the row, and counts the order for its user,
in one transaction. The sender of a command does not repeat it, so that only what is projected is judged.
Run as a module, this is the worker: Celery's defaults, or, with --late, what its documentation gives to those whose
tasks shall survive a worker: task_acks_late and task_reject_on_worker_lost.
"""

import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import httpx
import psycopg
from sqlalchemy import text
from sqlmodel import Session

from tests.benchmarks import shop
from tests.benchmarks.peers import textbook
from tests.e2e.chaos.faults import CHILDREN, Fault, Ground
from tests.support.running import Running, eventually, servers

COUNTS = "textbook_user_counts"
_COUNT = text(
    f"insert into {COUNTS} values (:user_id, 1) on conflict (user_id) do update set orders = {COUNTS}.orders + 1"
)
_MORE = 3  # commands that are answered before the next strike, at least
_BEGUN = 60.0  # seconds that a worker may take to start
_SETTLED = 10.0  # seconds in which nothing is projected any more, with nothing in the queue


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainOutcome:
    """`lost`: orders that are stored, and shown nowhere; `doubled`: orders counted more than once."""

    fault: str
    times: int
    kills: int
    events: int
    lost: int
    doubled: int


@dataclass(slots=True, kw_only=True)
class PlainDrill:
    running: Running
    ground: Ground
    resting: Event = field(default_factory=Event)
    answered: int = 0
    seen: tuple[int, int, int] = (0, 0, 0)

    def strike(self, fault: Fault, times: int) -> PlainOutcome:
        self.resting.clear()
        kills = 0
        for _ in range(times):
            self._supervise()
            kills += fault.strike(self.ground)
            wanted = self.answered + _MORE
            eventually(lambda wanted=wanted: self.answered >= wanted, "more commands are answered")
        self.resting.set()
        sleep(0.5)
        self._settle()
        before, self.seen = self.seen, self._look()
        events, lost, doubled = (after - earlier for after, earlier in zip(self.seen, before, strict=True))
        return PlainOutcome(fault=fault.name, times=times, kills=kills, events=events, lost=lost, doubled=doubled)

    def _supervise(self) -> None:
        """Start workers again that have ended, or have no children left: a worker that loses one early does so."""
        for worker in self.running.workers:
            until = monotonic() + _BEGUN
            while len(worker.children()) < CHILDREN:
                if worker.process.poll() is not None or monotonic() > until:
                    worker.kill_group()
                    worker.restart()
                    until = monotonic() + _BEGUN
                sleep(0.1)

    def work(self, url: str, enough: Event) -> None:
        chance, token = random.Random(url), shop.staff_token()
        with httpx.Client(base_url=url, timeout=5, headers={"Authorization": f"Bearer {token}"}) as http:
            while not enough.is_set():
                sleep(1 / 20)
                if not self.resting.is_set():
                    with suppress(httpx.TransportError):
                        answer = http.post("/graphql", json={"query": shop.CREATE_ORDER, "variables": order(chance)})
                        self.answered += "OrderAccepted" in answer.text

    def _settle(self) -> None:
        until, before = monotonic() + _SETTLED, self._look()
        while monotonic() < until:
            sleep(0.5)
            if (now := self._look()) != before or self._waiting():
                until, before = monotonic() + _SETTLED, now

    def _waiting(self) -> int:
        with self.running.redis() as client:
            waiting: int = client.llen("textbook")
            return waiting

    def _look(self) -> tuple[int, int, int]:
        with psycopg.connect(self.running.where.write_url) as connection:
            query = f"""
                select count(*), count(*) - count(v.order_id),
                       (select coalesce(sum(orders), 0) from {COUNTS}) - count(v.order_id)
                from {textbook.Order.__tablename__} o left join {textbook.VIEW} v on v.order_id = o.id
            """
            [row] = connection.execute(query.encode()).fetchall()
            return int(row[0]), int(row[1]), int(row[2])


def order(chance: random.Random) -> dict[str, Any]:
    products = chance.sample(range(1, shop.PRODUCTS + 1), shop.LINES)
    items = [{"productId": str(shop.product_id(number)), "quantity": 1} for number in products]
    return {"input": {"userId": str(shop.user_id(chance.randint(1, shop.USERS))), "items": items}}


@contextmanager
def plain_drill(folder: Path, *, late: bool, workers: int) -> Iterator[PlainDrill]:
    with servers(folder) as running:
        shop.open_shop(running.where.write_url)
        textbook.open_shop(running.where.write_url)
        with psycopg.connect(running.where.write_url) as connection:
            connection.execute(f"create table {COUNTS} (user_id uuid primary key, orders int not null)".encode())
        for _ in range(workers):
            running.add_worker(__name__, *(["--late"] if late else []))
        for _ in range(2):
            running.add_api(textbook.__name__, ready="/graphql?query={ready}")
        ground = Ground(running=running, queue="textbook", nudge=lambda: None, chance=random.Random(1))
        found, enough = PlainDrill(running=running, ground=ground), Event()
        urls = [api.url for api in running.apis] * 2
        threads = [Thread(target=found.work, args=(url, enough), daemon=True) for url in urls]
        for thread in threads:
            thread.start()
        try:
            yield found
        finally:
            enough.set()
            for thread in threads:
                thread.join()


def main(arguments: Sequence[str]) -> None:
    app = textbook.celery_app()
    late = "--late" in arguments
    app.conf.update(task_acks_late=late, task_reject_on_worker_lost=late)
    del app.tasks[textbook.TASK]

    @app.task(name=textbook.TASK)
    def project(**event: Any) -> None:
        with Session(textbook.engine()) as session:
            session.merge(textbook.UserOrdersView.model_validate(event))
            session.flush()
            session.connection().execute(_COUNT, {"user_id": event["user_id"]})
            session.commit()

    app.worker_main(["worker", "--concurrency=2", "--loglevel=WARNING"])


if __name__ == "__main__":
    main(sys.argv)
