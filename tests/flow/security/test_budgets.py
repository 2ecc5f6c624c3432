"""What a sender may ask for in a minute, whatever it says of where it comes from, and whichever process it asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import httpx
import pytest

from api import budgets
from api.auth import Principal, Role
from api.budgets import Budgets
from api.errors import RateLimited
from api.settings import Settings
from tasks.settings import QueueSettings
from tests.support.client import Client
from tests.support.clock import Clock
from tests.support.serving import eventually, serving
from tests.support.wire import wire

TINY = {"query": "{ __typename }"}
DEAR = {"query": "{ products(first: 50) { nodes { id } } }"}  # 101
METRICS = "tests-metrics-token"


def limited(settings: Settings, *, proxies: tuple[str, ...] = (), rate: int = 100) -> Settings:
    return replace(
        settings,
        limits=replace(settings.limits, rate=rate, proxies=proxies),
        metrics=replace(settings.metrics, token=METRICS),
    )


@contextmanager
def open_api(settings: Settings) -> Iterator[Client]:
    with serving(settings) as served, httpx.Client(base_url=served.url, timeout=20) as http:
        yield Client(http=http)


def ask(client: Client, asked: dict[str, Any], **headers: str) -> httpx.Response:
    if client.token:
        headers["Authorization"] = f"Bearer {client.token}"
    return client.http.post("/graphql", json=asked, headers=headers)


def somebody(client: Client) -> Client:
    """Return a customer who has asked nothing yet."""
    return client.as_customer(uuid4())


def test_s57_who_asks_for_too_much_waits(in_production: Settings) -> None:
    with open_api(limited(in_production)) as client:
        ada, grace = somebody(client), somebody(client)
        first = ask(ada, DEAR).json()["extensions"]["cost"]
        assert first == {"document": 101, "left": 0, "perMinute": 100}
        refused = ask(ada, TINY)
        [error] = refused.json()["errors"]
        seconds = refused.headers["Retry-After"]
        assert refused.status_code == 429
        assert error == {
            "message": f"You have asked for too much of late: try again in {seconds} seconds.",
            "extensions": {"code": "RATE_LIMITED"},
        }
        assert 1 <= int(seconds) <= 60
        assert ask(grace, TINY).json()["extensions"]["cost"] == {"document": 1, "left": 99, "perMinute": 100}


def test_s57_a_refused_document_is_counted_too(in_production: Settings) -> None:
    with open_api(limited(in_production)) as client:
        ada = somebody(client)
        answers = [ask(ada, {"query": "{" * number + "a"}).json() for number in range(1, 15)]
        codes = [answer["errors"][0]["extensions"]["code"] for answer in answers]
        assert codes[:10] == ["GRAPHQL_PARSE_FAILED"] * 10
        assert codes[-1] == "RATE_LIMITED"


@pytest.mark.parametrize(
    ("proxies", "codes"), [((), [200, 429, 429]), (("127.0.0.1",), [200, 200, 429])], ids=["anybody", "a proxy"]
)
def test_s57_an_address_is_believed_of_a_trusted_proxy_alone(
    proxies: tuple[str, ...], codes: list[int], in_production: Settings
) -> None:
    """The last address is the proxy's own word; whatever stands before it came from the client."""
    one, two = (f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1" for _ in range(2))
    said = [one, two, f"203.0.113.9, {one}"]
    with open_api(limited(in_production, proxies=proxies, rate=50)) as client:
        assert [ask(client, DEAR, **{"X-Forwarded-For": each}).status_code for each in said] == codes


def test_s57_it_is_one_budget_over_all_processes(in_production: Settings) -> None:
    slowly = limited(in_production, rate=500)
    with open_api(slowly) as here, open_api(slowly) as there:
        ada = somebody(here)
        for _ in range(5):
            assert ask(ada, DEAR).status_code == 200
        elsewhere = replace(ada, http=there.http)
        eventually(lambda: ask(elsewhere, TINY).status_code == 429)


def test_s57_without_redis_each_process_counts_alone_and_says_so(in_production: Settings) -> None:
    alone = replace(limited(in_production), queue=QueueSettings(redis_url="redis://127.0.0.1:1/0"))
    with open_api(alone) as client:
        ada = somebody(client)
        assert [ask(ada, DEAR).status_code for _ in range(2)] == [200, 429]
        eventually(lambda: counted(client, 'tandem_budgets_total{outcome="failed"}') > 0)
        assert counted(client, 'tandem_rate_limited_total{of="principal"}') == 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(budgets, "monotonic", clock)
    return clock


async def test_s57_who_kept_to_the_rate_while_redis_was_away_is_not_refused_once_it_is_back(
    settings: Settings, clock: Clock
) -> None:
    ada = Principal(role=Role.CUSTOMER, subject=str(uuid4()))
    with wire(valkey_socket(settings)) as to_redis:
        here, there = (Budgets(to_redis.url, per_minute=100) for _ in range(2))
        to_redis.cut()
        for _ in range(3):
            for each in (here, there):
                each.spend(ada, "", 40)
                await each.settle()
            clock.now += 60
        for each in (here, there):
            each.spend(ada, "", 40)
        to_redis.mend()
        for each in (here, there):
            await each.settle()
        assert [each.spend(ada, "", 1)["document"] for each in (here, there)] == [1, 1]
        for each in (here, there):
            assert each.settled == {"settled": 1, "failed": 3}
            await each.close()


async def test_s57_all_that_is_spent_is_told_while_redis_answers(settings: Settings, clock: Clock) -> None:
    """Also what has come back where it was spent: else many processes would be as many budgets."""
    ada = Principal(role=Role.CUSTOMER, subject=str(uuid4()))
    here, there = (Budgets(settings.queue.redis_url, per_minute=100) for _ in range(2))
    here.spend(ada, "", 150)
    clock.now += 120
    there.spend(ada, "", 1)
    for each in (here, there):
        await each.settle()
    with pytest.raises(RateLimited):
        there.spend(ada, "", 1)
    for each in (here, there):
        await each.close()


def valkey_socket(settings: Settings) -> Path:
    return Path(unquote(urlsplit(settings.queue.redis_url).path))


def counted(client: Client, series: str) -> float:
    shown = client.http.get("/metrics", headers={"Authorization": f"Bearer {METRICS}"}).raise_for_status().text
    return float(next(line for line in shown.splitlines() if line.startswith(series)).rpartition(" ")[2])


def test_s58_a_document_of_many_is_as_dear_as_many_documents(in_production: Settings) -> None:
    tries = " ".join(f'a{n}: product(id: "{uuid4()}") {{ id }}' for n in range(15))
    with open_api(limited(in_production)) as client:
        assert ask(somebody(client), {"query": f"{{ {tries} }}"}).json()["extensions"]["cost"]["left"] == 70


def test_s58_a_page_is_as_dear_however_its_size_is_written(in_production: Settings) -> None:
    asked = "query ($n: Int) { products(first: $n) { nodes { id } } }"
    with open_api(limited(in_production, rate=1000)) as client:
        sent = [ask(client, {"query": asked, "variables": {"n": n}}) for n in (100, 100.0)]
        assert [answer.json()["extensions"]["cost"]["document"] for answer in sent] == [201, 201]
        assert sent[0].json()["data"] == sent[1].json()["data"]
