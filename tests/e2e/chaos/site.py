"""A site: two API hosts, three worker hosts and one of stores, each in a network of its own; any may be cut off."""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import sleep

import psycopg

from tests.e2e.chaos.drill import QUEUE, Drill
from tests.e2e.chaos.faults import Fault, Ground
from tests.support import hosts
from tests.support.hosts import Host
from tests.support.running import Running, servers, watched
from tests.support.traffic import traffic

APIS, WORKERS = ("a1", "a2"), ("w1", "w2", "w3")
ANSWERS_WITHIN = 2.0  # seconds, or a sender asks the next API


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    drill: Drill
    stores: Host
    apis: list[Host]
    workers: list[Host]

    def faults(self, seconds: float) -> list[Fault]:
        return [
            _cut_off("a worker's host", self.workers, seconds),
            _cut_off("an API's host", self.apis, seconds),
            _cut_off("the stores' host", [self.stores], seconds),
        ]


@contextmanager
def site(folder: Path, *, a_second: float) -> Iterator[Site]:
    """Run Tandem on hosts of its own, under load that comes from this one."""
    with ExitStack() as stack:
        network, (stores, *others) = stack.enter_context(hosts.hosts(["s", *APIS, *WORKERS]))
        apis, workers = others[: len(APIS)], others[len(APIS) :]
        with stores.entered():
            running = stack.enter_context(servers(folder, {"listen_addresses": stores.address}, host=stores.address))
        _let_in(running, network, stores)
        for host in workers:
            with host.entered():
                running.add_worker("api.cli", "worker")
        for host in apis:
            with host.entered():
                running.add_api("api.cli", "api", host=host.address)
        tandem = stack.enter_context(watched(running))
        urls = [api.url for api in running.apis]
        coming_in = stack.enter_context(traffic(urls, senders=4, a_second=a_second, timeout=ANSWERS_WITHIN))
        ground = Ground(running=running, queue=QUEUE, nudge=lambda: None, chance=random.Random(1))
        drill = Drill(tandem=tandem, traffic=coming_in, ground=ground)
        yield Site(drill=drill, stores=stores, apis=apis, workers=workers)


def _cut_off(what: str, among: list[Host], seconds: float) -> Fault:
    return Fault(name=f"{what} cut off for {seconds:g} s", strike=partial(_unplug, among=among, seconds=seconds))


def _unplug(ground: Ground, *, among: list[Host], seconds: float) -> int:
    with ground.chance.choice(among).unplugged():
        sleep(seconds)
    return 0


def _let_in(running: Running, network: str, stores: Host) -> None:
    """Have PostgreSQL take connections of other hosts, and tell processes of it."""
    with (running.where.cluster / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {network} trust\n")
    with psycopg.connect(running.where.write_url) as connection:
        connection.execute("select pg_reload_conf()")
    for store in ("write", "read"):
        url = f"postgresql://tandem@{stores.address}/tandem_{store}"
        running.environment[f"TANDEM_{store.upper()}_DATABASE_URL"] = url
