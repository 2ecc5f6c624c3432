"""Two API hosts, three worker hosts and one of stores: any of them is cut off and joined again, and nothing is lost."""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from time import sleep

import psycopg
import pytest

from tests.e2e.chaos.drill import QUEUE, Drill
from tests.e2e.chaos.faults import Ground
from tests.support import hosts
from tests.support.hosts import Host
from tests.support.running import Running, eventually, servers, watched
from tests.support.traffic import traffic

APIS, WORKERS = ("a1", "a2"), ("w1", "w2", "w3")
A_SECOND = 30  # commands
ANSWERS_WITHIN = 2.0  # seconds, or a sender asks the next API
AWAY = 5.0  # seconds
MEANWHILE = 60  # commands that are answered while a host is cut off


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    drill: Drill
    stores: Host
    apis: list[Host]
    workers: list[Host]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if not hosts.can_be():
        pytest.skip("only root makes networks, with `ip` (Debian: iproute2), and where the kernel lets it")
    with ExitStack() as stack:
        network, (stores, *others) = stack.enter_context(hosts.hosts(["s", *APIS, *WORKERS]))
        apis, workers = others[: len(APIS)], others[len(APIS) :]
        with stores.entered():
            folder = tmp_path_factory.mktemp("hosts") / "data"
            running = stack.enter_context(servers(folder, {"listen_addresses": stores.address}, host=stores.address))
        let_in(running, network, stores)
        for host in workers:
            with host.entered():
                running.add_worker("api.cli", "worker")
        for host in apis:
            with host.entered():
                running.add_api("api.cli", "api", host=host.address)
        tandem = stack.enter_context(watched(running))
        urls = [api.url for api in running.apis]
        coming_in = stack.enter_context(traffic(urls, senders=4, a_second=A_SECOND, timeout=ANSWERS_WITHIN))
        ground = Ground(running=running, queue=QUEUE, nudge=lambda: None, chance=random.Random(1))
        drill = Drill(tandem=tandem, traffic=coming_in, ground=ground)
        yield Site(drill=drill, stores=stores, apis=apis, workers=workers)


def let_in(running: Running, network: str, stores: Host) -> None:
    """Have PostgreSQL take connections of other hosts, and tell all about it."""
    with (running.where.cluster / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all tandem {network} trust\n")
    with psycopg.connect(running.where.write_url) as connection:
        connection.execute("select pg_reload_conf()")
    for store in ("write", "read"):
        url = f"postgresql://tandem@{stores.address}/tandem_{store}"
        running.environment[f"TANDEM_{store.upper()}_DATABASE_URL"] = url


def test_a_worker_that_is_cut_off_stops_nothing_and_works_again_once_it_is_back(site: Site) -> None:
    lost = site.workers[0]
    with lost.unplugged():
        site.drill.come_in(MEANWHILE)
        site.drill.tandem.lags_for()  # which fails if the others do not go on
        back = now(site)
    eventually(lambda: asks_again(site, lost, since=back), "it works again")
    is_whole(site)


def test_an_api_that_is_cut_off_fails_over_to_the_other_one_and_answers_again_once_it_is_back(site: Site) -> None:
    lost, url = site.apis[0], site.drill.tandem.running.apis[0].url
    before = site.drill.traffic.counts()
    with lost.unplugged():
        site.drill.come_in(MEANWHILE)
    failures = {failure for each in site.drill.traffic.answered_since(before) for failure in each.failures}
    assert failures <= {"ReadTimeout", "ConnectTimeout"}
    assert failures, "nobody asked it: this shows nothing"
    eventually(lambda: site.drill.tandem.client.ask("{ __typename }") == {"__typename": "Query"}, f"{url} answers")
    is_whole(site)


def test_stores_that_are_cut_off_from_all_lose_nothing_and_all_goes_on_once_they_are_back(site: Site) -> None:
    with site.stores.unplugged():
        sleep(AWAY)
    site.drill.come_in(MEANWHILE)
    is_whole(site)


def is_whole(site: Site) -> None:
    found = site.drill.verdict()
    assert (found.lost, found.doubled, found.complaints) == (0, 0, [])


def now(site: Site) -> datetime:
    with psycopg.connect(site.drill.tandem.running.where.write_url) as connection:
        [found] = connection.execute("select clock_timestamp()").fetchone() or (None,)
        assert isinstance(found, datetime)
        return found


def asks_again(site: Site, host: Host, *, since: datetime) -> bool:
    """Return whether that host has asked the read store for anything since then."""
    asked = "select from pg_stat_activity where client_addr = %s::inet and application_name = %s and query_start > %s"
    with psycopg.connect(site.drill.tandem.running.where.read_url) as connection:
        return connection.execute(asked, (host.address, "tandem-projections", since)).fetchone() is not None
