"""Two API hosts, three worker hosts and one of stores: any of them is cut off and joined again, and nothing is lost."""

from collections.abc import Iterator
from datetime import datetime
from time import sleep

import psycopg
import pytest

from tests.e2e.chaos.site import Site, site
from tests.support import hosts
from tests.support.hosts import Host
from tests.support.running import eventually

A_SECOND = 30  # commands
AWAY = 5.0  # seconds
MEANWHILE = 60  # commands that are answered while a host is cut off
UNHEARD = {"ReadTimeout", "ConnectTimeout", "ConnectError"}
"""How a request to a host that is cut off fails: the last once the network says that there is no way to it."""


@pytest.fixture(scope="module", name="site")
def of_six_hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if not hosts.can_be():
        pytest.skip("only root makes networks, with `ip` (Debian: iproute2), and where the kernel lets it")
    with site(tmp_path_factory.mktemp("hosts") / "data", a_second=A_SECOND) as found:
        yield found


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
    assert failures <= UNHEARD
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
