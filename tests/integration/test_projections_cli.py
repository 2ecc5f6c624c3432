"""`tandem projections` as an operator runs it: what it says, and what its exit code tells a script."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Engine

from api.settings import Settings
from tests.support import databases
from tests.support.projecting import drained, rewrite
from tests.support.shop import Shop, id_in

NAMES = "daily_sales_view, products_view, user_orders_view, users_view"


def environment(settings: Settings, **other: str) -> dict[str, str]:
    return os.environ | {
        "TANDEM_WRITE_DATABASE_URL": settings.write.database_url,
        "TANDEM_READ_DATABASE_URL": settings.read.database_url,
        "TANDEM_REDIS_URL": settings.queue.redis_url,
        **other,
    }


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "api.cli", "projections", *arguments]


def run(environ: Mapping[str, str], *arguments: str) -> tuple[int, list[str], str]:
    """Return the exit code, the lines that were printed, without spaces at their ends, and what was said of errors."""
    done = subprocess.run(command(*arguments), env=environ, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, [line.rstrip() for line in done.stdout.splitlines()], done.stderr.strip()


def words(lines: list[str]) -> list[list[str]]:
    return [line.split() for line in lines]


@pytest.fixture
async def order(fresh_shop: Shop, log: Engine, read: Engine) -> UUID:
    """An order of three events: its user's registration, its own creation and payment; all are applied."""
    user = id_in(7)
    await fresh_shop.user(user)
    paid = await fresh_shop.paid_order(user, await fresh_shop.product(price="9.99", stock=5))
    assert drained(log, read)
    return paid


@pytest.fixture
def environ(fresh: Settings) -> dict[str, str]:
    return environment(fresh)


@pytest.fixture
def poisoned(order: UUID, fresh: Settings, log: Engine, read: Engine) -> dict[str, Any]:
    """Return what the event says that is poison now, and so was set aside by all."""
    with psycopg.connect(fresh.read.database_url) as connection:
        connection.execute("truncate user_orders_view, users_view, products_view, daily_sales_view")
        connection.execute("update checkpoints set position = 0, event_id = null")
    said = rewrite(fresh.write.database_url, order, 2, {"garbage": True})
    assert drained(log, read)
    return said


@pytest.mark.usefixtures("order")
class TestStatus:
    def test_is_a_table_that_is_plain_where_it_is_piped(self, environ: dict[str, str]) -> None:
        code, lines, error = run(environ, "status")
        assert (code, words(lines), error) == (
            0,
            [
                ["projection", "version", "state", "head", "applied", "lag", "oldest", "quarantined", "rebuild"],
                ["daily_sales_view", "1", "LIVE", "4", "4", "0", "0.0", "s", "0", "-"],
                ["products_view", "1", "LIVE", "4", "4", "0", "0.0", "s", "0", "-"],
                ["user_orders_view", "1", "LIVE", "4", "4", "0", "0.0", "s", "0", "-"],
                ["users_view", "1", "LIVE", "4", "4", "0", "0.0", "s", "0", "-"],
            ],
            "",
        )

    def test_says_what_is_behind_and_for_how_long(self, environ: dict[str, str], fresh: Settings) -> None:
        with psycopg.connect(fresh.read.database_url) as connection:
            connection.execute("update checkpoints set position = position - 1 where partition = 7")
        with psycopg.connect(fresh.write.database_url) as connection:
            connection.execute("update events set recorded_at = now() - interval '1 hour'")
        found = json.loads(run(environ, "status", "--json")[1][0])["projections"]
        assert [(each["state"], each["applied"], each["lag"]) for each in found] == [("CATCHING_UP", 3, 1)] * 4
        assert all(3600 <= each["lagSeconds"] < 7200 for each in found)

    def test_says_why_one_is_halted_and_that_the_code_is_newer(self, environ: dict[str, str], fresh: Settings) -> None:
        with psycopg.connect(fresh.read.database_url) as connection:
            connection.execute(
                "update checkpoints set halted = 'GapError: no' where projection = 'users_view' and partition = 3"
            )
            connection.execute("update projection_states set version = 0 where projection = 'products_view'")
        _, lines, _ = run(environ, "status")
        assert "0 (the code's is 1: tandem projections rebuild products_view)  LIVE" in lines[2]
        assert [line.split()[:3] for line in lines[3:5]] == [
            ["user_orders_view", "1", "LIVE"],
            ["users_view", "1", "HALTED"],
        ]
        assert lines[5:] == ["", "users_view is halted: GapError: no"]

    def test_lists_what_is_set_aside_and_what_to_do(
        self, environ: dict[str, str], order: UUID, poisoned: dict[str, Any]
    ) -> None:
        assert poisoned
        code, lines, _ = run(environ, "status")
        assert code == 0
        assert lines[5:8] == ["", "Set aside, because an event could not be applied:", ""]
        assert sorted(line.split()[:4] for line in lines[9:13]) == [
            [name, str(order), "OrderPaid", "7:3"] for name in NAMES.split(", ")
        ]
        assert all("UnreadableError: Object missing required field `order_id`" in line for line in lines[9:13])
        assert sorted(lines[-4:]) == [f"  tandem projections retry {name}" for name in NAMES.split(", ")]

        [line] = run(environ, "status", "--json")[1]
        found = json.loads(line)
        assert [each["quarantined"] for each in found["projections"]] == [1, 1, 1, 1]
        assert [(each["streamId"], each["partition"], each["position"]) for each in found["quarantine"]] == [
            (str(order), 7, 3)
        ] * 4

    def test_that_watches_goes_on_and_ends_quietly_with_ctrl_c(self, environ: dict[str, str]) -> None:
        watching = subprocess.Popen(
            command("status", "--watch", "--json"),
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert watching.stdout
        for _ in range(2):
            assert len(json.loads(watching.stdout.readline())["projections"]) == 4
        watching.send_signal(signal.SIGINT)
        _, error = watching.communicate(timeout=30)
        assert (watching.returncode, error) == (0, "")


class TestRetry:
    def test_says_what_came_of_it_and_fails_while_something_is_set_aside(
        self, environ: dict[str, str], order: UUID, poisoned: dict[str, Any], fresh: Settings
    ) -> None:
        code, lines, error = run(environ, "retry", "users_view")
        assert (code, lines, error) == (
            1,
            ["users_view: 0 events of 0 streams were applied; streams set aside still: 1."],
            "What is set aside still: tandem projections status",
        )
        rewrite(fresh.write.database_url, order, 2, poisoned)
        assert run(environ, "retry", "users_view") == (0, ["users_view: 1 events of 1 streams were applied."], "")
        assert run(environ, "retry") == (
            0,
            [
                "daily_sales_view: 1 events of 1 streams were applied.",
                "products_view: 1 events of 1 streams were applied.",
                "user_orders_view: 1 events of 1 streams were applied.",
                "users_view: nothing is set aside.",
            ],
            "",
        )
        assert run(environ, "verify")[0] == 0


@pytest.mark.usefixtures("order")
class TestVerify:
    def test_ends_with_0_where_nothing_differs(self, environ: dict[str, str]) -> None:
        assert run(environ, "verify") == (
            0,
            [f"{name}: 1 rows compared; no difference." for name in NAMES.split(", ")],
            "",
        )

    def test_ends_with_1_and_the_differences(self, environ: dict[str, str], order: UUID, fresh: Settings) -> None:
        with psycopg.connect(fresh.read.database_url) as connection:
            connection.execute("update user_orders_view set total = 1")
        with psycopg.connect(fresh.write.database_url) as connection:
            connection.execute("update orders set status = 'shipped'")
        code, lines, _ = run(environ, "verify", "user_orders_view")
        assert (code, words(lines)) == (
            1,
            [
                ["user_orders_view:", "1", "rows", "compared;", "differences:", "2."],
                ["1", "x", "user_orders_view.total"],
                ["1", "x", "orders.status"],
                ["table", "row", "column", "is", "should", "be"],
                ["user_orders_view", str(order), "total", "1", "9.99"],
                ["orders", str(order), "status", "shipped", "paid"],
            ],
        )

    def test_of_a_sample_says_how_to_take_it_again(self, environ: dict[str, str]) -> None:
        code, first, _ = run(environ, "verify", "--sample", "5")
        assert code == 0
        assert first[0].startswith("Partitions ")
        again = first[0].partition("the same again: ")[2].split()
        assert run(environ, "verify", *again) == (0, first, "")
        assert run(environ, "verify", "--sample", "5", "--seed", str(int(again[-1]) + 1))[1][0] != first[0]

    @pytest.mark.parametrize("arguments", [["--sample", "0"], ["--sample", "65"], ["--seed", "3"], ["orders_view"]])
    def test_that_is_wrongly_asked_for_ends_with_2(self, environ: dict[str, str], arguments: list[str]) -> None:
        assert run(environ, "verify", *arguments)[0] == 2

    def test_of_a_log_with_a_gap_ends_with_1_and_says_so(self, environ: dict[str, str], fresh: Settings) -> None:
        with psycopg.connect(fresh.write.database_url) as connection:
            connection.execute("delete from events where type = 'OrderCreated'")
        assert run(environ, "verify") == (
            1,
            [],
            "The log cannot be read: partition 7 of the log lacks an event between 0 and 3.",
        )


class TestAnyOfThem:
    @pytest.mark.parametrize("name", ["verify", "retry"])
    def test_names_the_projections_there_are_for_one_that_is_not(self, environ: dict[str, str], name: str) -> None:
        assert run(environ, name, "sales_view") == (2, [], f"There is no projection sales_view; there are {NAMES}.")

    @pytest.mark.parametrize("store", ["write", "read"])
    def test_says_which_store_does_not_answer(self, fresh: Settings, store: str) -> None:
        variable = f"TANDEM_{store.upper()}_DATABASE_URL"
        code, lines, error = run(environment(fresh, **{variable: "postgresql://x@127.0.0.1:1/tandem"}), "status")
        assert (code, lines) == (1, [])
        assert error.startswith(f"The {store} database does not answer: ")
        assert error.endswith(f"Start it, or correct {variable}.")

    def test_says_which_store_is_not_migrated(self, settings: Settings) -> None:
        with databases.fresh(settings, migrated=False) as empty:
            assert run(environment(empty), "status") == (
                1,
                [],
                "The write database has not the schema of this code: run tandem migrate.",
            )
