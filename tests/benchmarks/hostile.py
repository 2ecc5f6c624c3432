"""Hostile documents: what the worst that one can think of cost a process of the API, in time and in memory.

Each is sent again and again, never twice with the same text, so that nothing of it is known already. Most are refused;
what matters is how soon. The slowest of all answers counts, since while one is made, nobody else has any.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from time import perf_counter

import orjson
import uvloop

from tests.benchmarks.load import Answer, Connection, UnexpectedAnswerError, connections, post
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Line, Result
from tests.benchmarks.stage import stage

SLOWEST, GROWN = "200 or less", "20 or less"  # milliseconds, MB
_API = [sys.executable, "-m", "api.cli", "api"]
_WARM = 20
_A_ROUND = 40  # of each
_ID = "0199c0de-0000-7000-8000-00000000dead"
_NODES = " ".join(["nodes { " + "... { id } " * 10 + "}"] * 9)
_NAMES = ["id", "sku", "name", "createdAt", "retired", "unitsSold", "price { amount currency }"]


def _chain(levels: int) -> str:
    return " ".join(f"fragment F{n} on Product {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels))


def _fields(count: int) -> str:
    return " ".join(_NAMES[n % len(_NAMES)] for n in range(count))


def _pages(n: int) -> str:
    return " ".join(f"a{n}x{alias}: products(first: 6) {{ nodes {{ id name }} }}" for alias in range(15))


# What each is, with what it asks for; the number makes it another one each time.
DOCUMENTS: Mapping[str, Callable[[int], str]] = {
    "1,000 tokens, all the same field": lambda n: f"{{ {'a ' * 990} b{n} }}",
    "100 fields of one name that have to be compared": lambda n: f"{{ products {{ {_NODES} }} b{n}: __typename }}",
    "15 aliases of a page": lambda n: f"{{ {_pages(n)} }}",
    "200 fields and more, 30 of each name": lambda n: (
        f"{{ products {{ nodes {{ {_fields(200)} }} }} b{n}: __typename }}"
    ),
    "101 aliases": lambda n: f"{{ {' '.join(f'a{n}x{alias}: __typename' for alias in range(101))} }}",
    "450 directives": lambda n: f"{{ __typename {'@a ' * 450} b{n} }}",
    "a fragment that is 2 to the 29th": lambda n: (
        f'{{ b{n}: product(id: "{_ID}") {{ ...F0 }} }} {_chain(28)} fragment F28 on Product {{ id }}'
    ),
    "30 fragments in a circle": lambda n: (
        f'{{ b{n}: product(id: "{_ID}") {{ ...F0 }} }} '
        + " ".join(f"fragment F{each} on Product {{ ...F{(each + 1) % 30} }}" for each in range(30))
    ),
    "330 levels": lambda n: f"{{b{n} " + "{a" * 330 + "}" * 331,
    "a list of 490 levels": lambda n: f"{{ b{n}: products(first: {'[' * 490}{']' * 490}) {{ totalCount }} }}",
    "introspection that goes round": lambda n: (
        f"{{ b{n}: __schema {{ types {{ fields {{ type {{ fields {{ type "
        "{ fields { type { name } } } } } } } } }"
    ),
    "330 unknown fields": lambda n: f"{{ {' '.join(f'u{n}x{each}' for each in range(330))} }}",
    "160 variables of unknown types": lambda n: (
        f"query ({' '.join(f'$v{n}x{each}: T{each}' for each in range(160))}) {{ __typename }}"
    ),
    "a number of 16,000 digits": lambda n: f"{{ products(first: {n}{'9' * 16_000}) {{ totalCount }} }}",
    "a comment of 16,000 characters": lambda n: f"#{n}{'x' * 16_000}\n{{ __typename }}",
    "16,000 characters that are no document": lambda n: f"{n}" + "{" * 16_000,
}
# As bodies, for what is wrong before there is a document.
BODIES: Mapping[str, Callable[[int], bytes]] = {
    **{
        what: lambda number, document=document: orjson.dumps({"query": document(number)})  # type: ignore[misc]
        for what, document in DOCUMENTS.items()
    },
    "JSON of 32,000 levels": lambda n: b'{"query": "{ a%d }", "variables": ' % n + b"[" * 32_000 + b"]" * 32_000 + b"}",
    "JSON of 5,000 names": lambda n: orjson.dumps(
        {"query": f"{{ a{n} }}", **{f"k{each}": each for each in range(5000)}}
    ),
    "64 KiB of nothing": lambda n: b"%d" % n + b" " * 65_000,
}


def measure(plan: Plan) -> Result:
    slowest: dict[str, list[float]] = {what: [] for what in BODIES}
    with stage() as at, at.serving(_API, ready="/readyz") as server:
        number = iter(range(1, 10**9))
        uvloop.run(_all(server.port, number, _WARM))
        before = server.megabytes()
        for _ in plan.each_round("hostile"):
            for what, milliseconds in uvloop.run(_all(server.port, number, _A_ROUND)).items():
                slowest[what].append(milliseconds)
        grown = server.megabytes() - before
    return Result(
        title=f"hostile: the slowest of {_A_ROUND} answers a round, one after the other, ms",
        rounds=len(slowest[next(iter(BODIES))]),
        lines=[
            *(Line(what=what, ours=max(each), aim=SLOWEST) for what, each in slowest.items()),
            Line(what="memory of the process, MB more", ours=grown, aim=GROWN),
        ],
    )


async def _all(port: int, number: Iterator[int], times: int) -> dict[str, float]:
    """Return how many milliseconds the slowest answer to each took."""
    async with connections(port, 1) as [connection]:
        return {
            what: max([await _milliseconds(connection, body(next(number))) for _ in range(times)])
            for what, body in BODIES.items()
        }


async def _milliseconds(connection: Connection, body: bytes) -> float:
    request = post("/graphql", body)
    asked = perf_counter()
    _check(await connection.ask(request))
    return 1000 * (perf_counter() - asked)


def _check(answer: Answer) -> None:
    if answer.status not in {200, 400, 413}:
        raise UnexpectedAnswerError(f"{answer.status}: {answer.body[:300]!r}")
