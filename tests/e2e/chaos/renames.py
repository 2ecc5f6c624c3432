"""Renames against orders: a user is renamed at the very moment at which its orders come in."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

import httpx

from domain.events import OrderCreated
from tests.support import tables
from tests.support.client import Client
from tests.support.running import Tandem

OLD, NEW = "Ada", "Grace"
_AT_ONCE = 6  # rounds, each of two senders


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """The names on the rows of all orders, and the names that the orders themselves were placed under."""

    shown: Counter[str]
    placed: Counter[str]


def rename_while_ordering(tandem: Tandem, rounds: int) -> Renamed:
    """Rename as many new users, each while it orders twice; return what is shown once all is level."""
    urls = [api.url for api in tandem.running.apis]
    limits = httpx.Limits(max_connections=2 * _AT_ONCE)
    with (
        httpx.Client(timeout=30, limits=limits) as http,
        ThreadPoolExecutor(_AT_ONCE) as pairs,
        ThreadPoolExecutor(2 * _AT_ONCE) as threads,
    ):
        clients = [Client(http=http, url=url).as_staff() for url in urls]
        product = str(uuid4())
        give(clients[0], "addProduct", {"id": product, "sku": product, "name": "Tea", "price": "9.99"})

        def one(number: int) -> str:
            user, first, second = str(uuid4()), clients[number % len(clients)], clients[(number + 1) % len(clients)]
            give(first, "registerUser", {"id": user, "name": OLD, "email": f"{user}@example.com"})
            order = {"userId": user, "items": [{"productId": product, "quantity": 1}]}
            rename = threads.submit(give, second, "renameUser", {"userId": user, "name": NEW})
            for _ in range(2):
                give(first, "createOrder", order)
            rename.result()
            return user

        users = set(pairs.map(one, range(rounds)))
    tandem.lags_for()
    shown = tables.read_tables(tandem.running.where.read_url)["user_orders_view"].values()
    placed = [event.fact for event in tables.events(tandem.log) if isinstance(event.fact, OrderCreated)]
    return Renamed(
        shown=Counter(row["user_name"] for row in shown if row["user_id"] in users),
        placed=Counter(fact.user_name for fact in placed if str(fact.user_id) in users),
    )


def give(client: Client, field: str, given: dict[str, object]) -> None:
    answer = client.give(field, given)
    assert answer["__typename"].endswith("Accepted"), answer
