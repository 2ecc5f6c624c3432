"""A storm: many senders change the same few orders of the same few products, in any order, at the same time."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

import httpx
import psycopg

from tests.support.client import Client, document_of
from tests.support.running import Tandem

SENDERS, CUSTOMERS, PRODUCTS = 8, 4, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Stormed:
    """How many commands were answered with what, and how often the stores found a deadlock."""

    answers: Counter[str]
    deadlocks: int


def storm(tandem: Tandem, commands: int) -> Stormed:
    before = _deadlocks(tandem)
    urls = [api.url for api in tandem.running.apis]
    with httpx.Client(timeout=30, limits=httpx.Limits(max_connections=SENDERS)) as http:
        clients = [Client(http=http, url=url).as_staff() for url in urls]
        users = [clients[0].registered() for _ in range(CUSTOMERS)]
        products = [clients[0].added(stock=1_000_000) for _ in range(PRODUCTS)]

        def send(number: int) -> str:
            chance, client = random.Random(number), clients[number % len(clients)]
            wanted = chance.sample(products, PRODUCTS - number % 2)
            items = [{"productId": product, "quantity": 1} for product in wanted]
            field, given = chance.choice([
                ("createOrder", {"userId": chance.choice(users), "items": items}),
                ("renameUser", {"userId": chance.choice(users), "name": f"Name {number}"}),
                ("restockProduct", {"productId": chance.choice(products), "quantity": 1}),
                ("changeProductPrice", {"productId": chance.choice(products), "price": f"{number % 90 + 1}.00"}),
            ])  # fmt: skip
            answer = client.post(document_of(field), input={**given, "idempotencyKey": uuid4().hex}).json()
            if "errors" in answer:
                return str(answer["errors"][0]["extensions"]["code"])
            return str(answer["data"][field]["__typename"])

        with ThreadPoolExecutor(SENDERS) as threads:
            answers = Counter(threads.map(send, range(commands)))
    tandem.lags_for()
    return Stormed(answers=answers, deadlocks=_deadlocks(tandem) - before)


def _deadlocks(tandem: Tandem) -> int:
    with psycopg.connect(tandem.running.where.write_url) as connection:
        [count] = connection.execute("select sum(deadlocks) from pg_stat_database").fetchone() or (0,)
        return int(count)
