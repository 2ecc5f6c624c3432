"""Clients that frontends use, made of the published schema: urql, graphql-ws, graphql-sse, Apollo and Relay, typed."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.conftest import Live
from tests.support.client import Client
from tests.support.sources import ROOT

CLIENTS = Path(__file__).parent / "clients"
SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The clients, generated and compiled in a folder of their own."""

    node: str
    folder: Path

    def tool(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.node, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )

    def run(self, script: str, **given: str) -> Any:
        """Return what a client prints about its run."""
        ended = subprocess.run(
            [self.node, script],
            cwd=self.folder,
            env=os.environ | given,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr[:4000]
        return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The clients as somebody has them who was given the schema and has installed the packages."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node (Debian: nodejs) is not installed")
    packages = CLIENTS / "node_modules"
    if not packages.is_dir():
        pytest.skip("the clients' packages are not installed: run `npm ci` in tests/e2e/clients")
    folder = tmp_path_factory.mktemp("clients") / "clients"
    shutil.copytree(CLIENTS, folder, ignore=shutil.ignore_patterns("node_modules"))
    shutil.copy(ROOT / "api" / "schema.graphql", folder)
    (folder / "node_modules").symlink_to(packages)
    return Built(node=node, folder=folder)


@pytest.fixture(scope="module")
def built(sources: Built) -> Built:
    for command in (
        ["generate.mjs"],
        ["node_modules/relay-compiler/cli.js"],
        ["node_modules/typescript/bin/tsc"],
    ):
        made = sources.tool(*command)
        assert made.returncode == 0, made.stdout + made.stderr
    return sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Someone:
    """A customer, with what a client has to know of it."""

    user: str
    customer: Client
    staff: Client
    given: dict[str, str]

    @classmethod
    def of(cls, live: Live, http: httpx.Client, user: str) -> "Someone":
        nobody = Client(http=http)
        customer, staff = nobody.as_customer(user), nobody.as_staff()
        given = {"URL": f"{live.url}/graphql", "USER": user, "CUSTOMER": str(customer.token), "STAFF": str(staff.token)}
        return cls(user=user, customer=customer, staff=staff, given=given)

    def orders(self, count: int) -> list[str]:
        product = self.staff.added()
        return [self.staff.ordered(self.user, product) for _ in range(count)]


@pytest.fixture
def http(live: Live) -> Any:
    with httpx.Client(base_url=live.url, timeout=10) as http:
        yield http


@pytest.fixture
def someone(live: Live, http: httpx.Client) -> Someone:
    return Someone.of(live, http, Client(http=http).registered())


class TestTypes:
    def test_of_the_schema_hold_in_strict_mode(self, built: Built) -> None:
        assert '"strict": true' in (CLIENTS / "tsconfig.json").read_text()
        checked = built.tool("node_modules/typescript/bin/tsc", "--noEmit")
        assert (checked.returncode, checked.stdout) == (0, "")

    def test_would_show_a_field_that_there_is_not(self, built: Built) -> None:
        wrong = built.folder / "wrong.ts"
        wrong.write_text(
            'import type { OrderQuery } from "./documents.js";\n'
            "export const read = (data: OrderQuery) => data.order?.colour;\n"
        )
        checked = built.tool("node_modules/typescript/bin/tsc", "--noEmit")
        wrong.unlink()
        assert "Property 'colour' does not exist" in checked.stdout


class TestUrql:
    def test_orders_reads_its_writes_leafs_both_ways_and_follows_through_interruptions(
        self, built: Built, live: Live, http: httpx.Client
    ) -> None:
        user = str(uuid4())
        told = built.run("built/shop.js", **Someone.of(live, http, user).given)
        orders = told["orders"]
        shown = told.pop("order")
        assert told.pop("registered") == user
        assert shown == {
            "id": orders[-1],
            "number": shown["number"],
            "status": "PENDING",
            "version": 1,
            "total": {"amount": "29.97", "currency": "USD"},
            "items": [{"name": "Tea", "quantity": 3}],
        }
        assert told["refused"] == {
            "__typename": "InsufficientStock",
            "code": "INSUFFICIENT_STOCK",
            "message": "Of Tea, 13 can be ordered, not 100.",
            "path": ["items", "0", "quantity"],
            "available": 13,
        }
        assert told["forwards"] == [orders[:2], orders[2:4], orders[4:]]
        assert told["backwards"] == [orders[:1], orders[1:3], orders[3:]]
        assert len(told["followed"]["changed"]) == 7
        assert told["followed"]["seen"] == told["followed"]["changed"]


class TestGraphqlSse:
    def test_goes_on_behind_its_last_token(self, built: Built, someone: Someone) -> None:
        given = {"userId": someone.user, "name": "Grace"}
        before = someone.staff.give("renameUser", given, select="user { name }")["token"]
        first, second = someone.orders(2)
        someone.staff.paid(second)
        told = built.run("built/events.js", **someone.given, TOKEN=before)
        assert told == {"seen": [[first, 1], [second, 2]]}


class TestApollo:
    def test_sends_a_document_once_and_then_its_hash(self, built: Built, someone: Someone) -> None:
        [order] = someone.orders(1)
        told = built.run("built/apollo.js", **someone.given, ORDER=order)
        by_hash = {"method": "GET", "document": False, "hash": True}
        assert told == {
            "first": order,
            "again": order,
            "sent": [by_hash, {"method": "POST", "document": True, "hash": True}, by_hash],
        }


class TestRelay:
    def test_fetches_pages_and_orders_again_by_their_nodes(self, built: Built, someone: Someone) -> None:
        asked = "query ($id: ID!) { userOrders(userId: $id) { nodes { number } } }"
        someone.orders(5)
        nodes = someone.customer.ask(asked, id=someone.user)["userOrders"]["nodes"]
        numbers = [node["number"] for node in nodes]
        assert built.run("relay.mjs", **someone.given) == {
            "first": {"numbers": numbers[:2], "around": [False, True]},
            "next": {"numbers": numbers[2:4], "around": [True, True]},
            "before": {"numbers": numbers[1:2], "around": [True, True]},
            "node": ["Order", numbers[0]],
        }

    def test_would_show_what_it_cannot_compile(self, built: Built) -> None:
        wrong = built.folder / "relay" / "wrong.js"
        wrong.write_text("graphql`query wrongQuery { products(first: 1) { colour } }`;\n")
        refused = built.tool("node_modules/relay-compiler/cli.js")
        wrong.unlink()
        assert refused.returncode != 0
        assert "The type `ProductConnection` has no field `colour`" in refused.stdout + refused.stderr
