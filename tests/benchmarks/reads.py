"""Reads: what is answered over HTTP by one process, beside what others answer to the same questions.

The peers are one by hand without GraphQL, which is the limit; Strawberry as its documentation shows it, on the view and
on normalised tables; and PostGraphile, where Node is. That all answer alike is checked before.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from uuid import UUID

import orjson
import psycopg
import uvloop

from tests.benchmarks import history, normalised, pgbench, postgraphile, questions
from tests.benchmarks.load import check, closed_loop, connections
from tests.benchmarks.plan import Plan
from tests.benchmarks.questions import SIZE, SIZE_WITH_ITEMS, USERS, Question, Row
from tests.benchmarks.report import Line, Result, compared
from tests.benchmarks.stage import Server, Stage, StageError, stage

CLIENTS = 16
_OURS = "ours"
_EVENTS = 18_000  # which is some 140 orders a user
_ORDERS = 1_000
_WARM_UP_SECONDS = 1.5  # Node needs it
_SHARE = 0.375  # many sides are loaded a round, where other claims have two
_TURNS = 3  # short ones: a busy machine is busy for all
_SCRIPT = Path(__file__).parent / "peers/page.sql"
_WRITE, _READ = "TANDEM_WRITE_DATABASE_URL", "TANDEM_READ_DATABASE_URL"
_POSTGRAPHILE_IS_UP = "/graphql?query=%7B__typename%7D"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One who answers. `rates` are answers a second, `cpu` the microseconds of one, both one a turn."""

    name: str
    question: Question
    server: Server
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def load(self, seconds: float) -> tuple[float, float]:
        began = self.server.cpu_seconds()
        load = uvloop.run(
            closed_loop(
                self.server.port, self.question.requests, self.question.is_answered, clients=CLIENTS, seconds=seconds
            )
        )
        return load.rate, 1e6 * (self.server.cpu_seconds() - began) / len(load.latencies)

    def measure(self, seconds: float) -> None:
        rate, cpu = self.load(seconds)
        self.rates.append(rate)
        self.cpu.append(cpu)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Ours and its peers, each with the ratio that is aimed at."""

    what: str
    ours: Side
    peers: Sequence[tuple[Side, str]]

    @property
    def sides(self) -> list[Side]:
        return [self.ours, *(side for side, _ in self.peers)]

    def lines(self) -> Iterator[Line]:
        for place, (peer, aim) in enumerate(self.peers):
            cpu = median(self.ours.cpu), median(peer.cpu)
            what = "" if place else self.what
            yield compared(what, self.ours.rates, peer.rates, peer.name, aim=aim, cpu=cpu)


def measure(plan: Plan) -> Result:
    with stage() as at, ExitStack() as running:
        plan.say("reads, filling the tables")
        _fill(at)
        comparisons = list(_comparisons(at, running))
        sides = [side for each in comparisons for side in each.sides]
        for each in comparisons:
            uvloop.run(_require_same_answers(each.sides))
        for side in sides:
            side.load(_WARM_UP_SECONDS)
        by_pgbench = []
        for _ in plan.each_round("reads"):
            for _ in range(_TURNS):
                for side in sides:
                    side.measure(_SHARE * plan.seconds / _TURNS)
                by_pgbench.append(_pages_by_pgbench(at, _SHARE * plan.seconds / _TURNS))
    page, *others = comparisons
    lines = [*page.lines(), *_absent(page), compared("", page.ours.rates, by_pgbench, "the same SQL by pgbench")]
    return Result(
        title=f"reads: {CLIENTS} connections, one process each; CPU is the serving process's microseconds an answer",
        rounds=len(by_pgbench),
        lines=[*lines, *(line for each in others for line in each.lines())],
    )


def _comparisons(at: Stage, running: ExitStack) -> Iterator[Comparison]:
    """Start all who answer, and yield what they are asked."""
    orders = _some_orders(at)
    ours = partial(Side, name=_OURS, server=_python(at, running, "api.cli", "api", ready="/readyz"))
    by_hand = partial(Side, name="by hand: Starlette, asyncpg, orjson", server=_peer(at, running, "hand_written"))
    plain = partial(Side, name="plain Strawberry, asyncpg", server=_peer(at, running, "plain_strawberry"))
    yield Comparison(
        what=f"pages/s, {SIZE} rows of 9 fields",
        ours=ours(question=questions.page()),
        peers=[
            (by_hand(question=questions.page_by_hand()), "0.85"),
            (plain(question=questions.page()), "15"),
            *_by_strawberry(at, running),
            *_by_postgraphile(at, running),
        ],
    )
    yield Comparison(
        what=f"pages/s, {SIZE_WITH_ITEMS} rows with items",
        ours=ours(question=questions.page_with_items()),
        peers=[(by_hand(question=questions.page_with_items_by_hand()), "0.80")],
    )
    yield Comparison(
        what="orders/s, one by id",
        ours=ours(question=questions.order(orders)),
        peers=[(by_hand(question=questions.order_by_hand(orders)), "0.75")],
    )
    yield Comparison(
        what=f"pages/s, {SIZE} rows, each document unseen",
        ours=ours(question=questions.unseen_page()),
        peers=[(plain(question=questions.unseen_page()), "0.90")],
    )


def _by_strawberry(at: Stage, running: ExitStack) -> Iterator[tuple[Side, str]]:
    asked = [
        ("plain Strawberry with its two caches", "cached_strawberry", "4"),
        ("Strawberry, SQLAlchemy, joins of tables", "joining_strawberry", ""),
        ("Strawberry, SQLAlchemy, DataLoaders on tables", "loading_strawberry", "50"),
    ]
    for name, module, aim in asked:
        yield Side(name=name, server=_peer(at, running, module), question=questions.page()), aim


def _by_postgraphile(at: Stage, running: ExitStack) -> Iterator[tuple[Side, str]]:
    asked = [
        ("PostGraphile 5 on the view", _READ, questions.postgraphile_on_the_view(), "1.4"),
        ("PostGraphile 5 on tables", _WRITE, questions.postgraphile_on_tables(), "4"),
    ]
    for name, database, question, aim in asked:
        if command := postgraphile.command(database):
            server = running.enter_context(at.serving(command, ready=_POSTGRAPHILE_IS_UP))
            yield Side(name=name, server=server, question=question), aim


def _python(at: Stage, running: ExitStack, *command: str, ready: str) -> Server:
    return running.enter_context(at.serving([sys.executable, "-m", *command], ready=ready))


def _peer(at: Stage, running: ExitStack, name: str) -> Server:
    return _python(at, running, f"tests.benchmarks.peers.{name}", ready="/ready")


def _absent(page: Comparison) -> list[Line]:
    if any("PostGraphile" in side.name for side in page.sides):
        return []
    return [Line(what="", ours=median(page.ours.rates), peer_name=postgraphile.ABSENT)]


async def _require_same_answers(sides: Sequence[Side]) -> None:
    """Raise StageError unless every side gives the same rows to every question."""
    answers = {side.name: await _answers(side) for side in sides}
    for name, answered in answers.items():
        for ours, theirs in zip(answers[_OURS], answered, strict=True):
            if theirs != ours:
                raise StageError(f"The answers differ: ours {ours}, {name} {theirs}.")


async def _answers(side: Side) -> list[list[Row]]:
    answered = []
    async with connections(side.server.port, 1) as [connection]:
        for request in islice(side.question.requests, USERS):
            answer = await connection.ask(request)
            check(answer, side.question.is_answered)
            answered.append(side.question.read(orjson.loads(answer.body)["data"]))
    return answered


def _pages_by_pgbench(at: Stage, seconds: float) -> float:
    return pgbench.transactions_a_second(at, at.stores.read_url, _SCRIPT, clients=CLIENTS, seconds=seconds)


def _some_orders(at: Stage) -> list[UUID]:
    with psycopg.connect(at.stores.read_url) as read:
        found = read.execute("select order_id from user_orders_view order by md5(number) limit %s", [_ORDERS])
        return [row[0] for row in found]


def _fill(at: Stage) -> None:
    history.write(at.stores.write_url, _EVENTS, users=USERS)
    with at.process("api.cli", "worker"):
        at.wait_until_level()
    with psycopg.connect(at.stores.read_url, autocommit=True) as read:
        read.execute("vacuum analyze")
    normalised.fill(write_url=at.stores.write_url, read_url=at.stores.read_url)
