"""The import: every line is accounted for, none is done twice, and a killed one ends like one that was not."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from io import StringIO
from pathlib import Path
from time import sleep
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest
from rich.console import Console

from api.importer import import_file
from api.settings import Settings
from domain.commands import HANDLERS
from tests.support import databases, tables

NAMES = UUID("0190b6a4-3c5e-7d2a-9f00-6c1b2a3d4e5f")
AT = "1997-07-04T09:30:00Z"
Line = dict[str, Any]


def id_of(name: str) -> str:
    return str(uuid5(NAMES, name))


def user(name: str) -> Line:
    given = {"id": id_of(name), "name": name, "email": f"{name.lower()}@example.com"}
    return {"command": "registerUser", "at": AT, "input": given}


def product(name: str, price: str, stock: int | None = None) -> Line:
    given = {"id": id_of(name), "sku": name.upper(), "name": name, "price": price, "stock": stock}
    return {"command": "addProduct", "at": AT, "input": given}


def order(name: str, buyer: str, *lines: tuple[str, int, str | None], **more: Any) -> Line:
    items = [
        {"productId": id_of(product), "quantity": quantity} | ({"unitPrice": price} if price else {})
        for product, quantity, price in lines
    ]
    given = {"id": id_of(name), "userId": id_of(buyer), "items": items, **more}
    return {"command": "createOrder", "at": AT, "input": given}


def pay(name: str) -> Line:
    return {"command": "payOrder", "at": AT, "input": {"orderId": id_of(name), "paymentReference": f"invoice {name}"}}


TRADE = [
    user("Alfreds"),
    user("Bolido"),
    product("Chai", "18.00"),
    product("Chang", "19.00", stock=100),
    product("Tofu", "23.25"),
    order("10248", "Alfreds", ("Chai", 12, "14.40"), ("Chang", 10, None), expectedTotal="362.80"),
    order("10249", "Bolido", ("Tofu", 9, "18.60")),
    order("10250", "Bolido", ("Chai", 1, None), ("Tofu", 35, None)),
    pay("10248"),
]


def write_lines(path: Path, lines: Iterable[Line | str]) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8", errors="surrogateescape")
    return path


def run(settings: Settings, path: Path) -> tuple[int, str]:
    """Import a file; return the exit code, and what was printed but for the progress bar."""
    printed = StringIO()
    code = import_file(settings, path, refused=None, console=Console(file=printed, width=500))
    return code, "\n".join(line for line in printed.getvalue().splitlines() if not line.startswith("Importing"))


def refused(path: Path) -> list[Line]:
    beside = path.with_name(path.stem + ".refused.jsonl")
    return [json.loads(line) for line in beside.read_text(encoding="utf-8").splitlines()]


def stored(settings: Settings) -> dict[str, tables.Table]:
    """Return what an import leads to, without what is of the moment and the way it was done."""
    store = tables.everything(settings.write.database_url)
    del store["order_numbers"], store["log_identity"]
    for row in store["events"]:
        row["data"].pop("number", None)
    for row in store["receipts"]:
        del row["created_at"]
    return {
        name: [{column: value for column, value in row.items() if column not in OF_THE_MOMENT} for row in rows]
        for name, rows in store.items()
    }


# An order number that a killed transaction took is not given again; a fact carries it too.
OF_THE_MOMENT = {"event_id", "recorded_at", "number"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "trade.jsonl", TRADE)


class TestAnImport:
    def test_carries_out_every_line_at_its_time_and_with_its_prices(self, fresh: Settings, file: Path) -> None:
        assert run(fresh, file) == (0, "9 accepted, 0 replayed, 0 refused.")
        store = tables.everything(fresh.write.database_url)
        assert {row["id"]: (row["total"], row["status"], row["version"]) for row in store["orders"]} == {
            UUID(id_of("10248")): (Decimal("362.80"), "paid", 2),
            UUID(id_of("10249")): (Decimal("167.40"), "pending", 1),
            UUID(id_of("10250")): (Decimal("831.75"), "pending", 1),
        }
        assert sum(row["total"] for row in store["orders"]) == Decimal("1361.95")
        assert {row["occurred_at"].isoformat() for row in store["events"]} == {"1997-07-04T09:30:00+00:00"}
        assert {row["metadata"]["actor"] for row in store["events"]} == {"staff:import"}
        assert {row["name"]: row["stock"] for row in store["products"]} == {"Chai": None, "Chang": 90, "Tofu": None}
        assert not list(file.parent.glob("*.refused.jsonl"))

    def test_of_the_same_file_again_replays_every_line_with_or_without_a_key(
        self, fresh: Settings, tmp_path: Path
    ) -> None:
        keyed = {**TRADE[6], "input": {**TRADE[6]["input"], "idempotencyKey": "order 10249"}}
        path = write_lines(tmp_path / "trade.jsonl", [*TRADE[:6], keyed, *TRADE[7:]])
        run(fresh, path)
        before = tables.everything(fresh.write.database_url)
        assert run(fresh, path) == (0, "0 accepted, 9 replayed, 0 refused.")
        assert tables.everything(fresh.write.database_url) | {"order_numbers": []} == before | {"order_numbers": []}

    def test_does_two_equal_lines_without_a_key_both(self, fresh: Settings, tmp_path: Path) -> None:
        anonymous = order("", "Bolido", ("Tofu", 1, None))
        del anonymous["input"]["id"]
        path = write_lines(tmp_path / "trade.jsonl", [*TRADE[:5], anonymous, anonymous])
        assert run(fresh, path) == (0, "7 accepted, 0 replayed, 0 refused.")
        assert run(fresh, path) == (0, "0 accepted, 7 replayed, 0 refused.")
        assert len(tables.everything(fresh.write.database_url)["orders"]) == 2

    def test_that_cannot_reach_the_store_leaves_what_was_refused_before(self, fresh: Settings, file: Path) -> None:
        before = file.with_name("trade.refused.jsonl")
        before.write_text("{}\n")
        away = replace(fresh.write, database_url="postgresql://tandem@/tandem_write?host=/nowhere")
        assert run(replace(fresh, write=away), file)[0] == 1
        assert before.exists()

    def test_leaves_a_file_alone_that_was_named_for_refusals_where_there_are_none(
        self, fresh: Settings, file: Path
    ) -> None:
        named = file.with_name("named.jsonl")
        named.write_text("{}\n")
        assert import_file(fresh, file, refused=named, console=Console(file=StringIO())) == 0
        assert named.exists()

    def test_passes_over_blank_lines_and_counts_them(self, fresh: Settings, tmp_path: Path) -> None:
        path = write_lines(tmp_path / "trade.jsonl", ["", TRADE[0], "   ", "{", TRADE[1]])
        assert run(fresh, path)[1].splitlines()[0] == "2 accepted, 0 replayed, 1 refused."
        assert [entry["line"] for entry in refused(path)] == [4]


SHAPE = 'A line must be like {"command": "payOrder", "at": "2026-01-31T12:00:00Z", "input": {...}}.'
COMMANDS = ", ".join(sorted(kind.__name__[0].lower() + kind.__name__[1:] for kind in HANDLERS))
CHAI = ("Chai", 1, None)
OUT_OF_TIME = "This must be a moment from 1900 to 2199; leave it out if it is not known."
# Each with the code, the path and the message that it is refused with.
UNFIT: list[tuple[Any, str, str, str]] = [
    ([], "INVALID_INPUT", "", SHAPE),
    ("payOrder", "INVALID_INPUT", "", SHAPE),
    ({"command": "payOrder", "at": AT, "input": []}, "INVALID_INPUT", "", SHAPE),
    (
        {"command": "sellOrder", "at": AT, "input": {}},
        "INVALID_INPUT",
        "command",
        f"There is no such command; there are {COMMANDS}.",
    ),
    (user("Carol") | {"at": "yesterday"}, "INVALID_INPUT", "at", "This must be a moment like 2026-01-31T12:00:00Z."),
    *(
        (user("Carol") | {"at": at}, "INVALID_INPUT", "at", OUT_OF_TIME)
        for at in (
            "0001-01-01T00:00:00Z",
            "1899-12-31T23:59:59Z",
            "2200-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999Z",
        )
    ),
    *(
        (user("Carol") | {"at": at}, "INVALID_INPUT", "at", "This must be a moment like 2026-01-31T12:00:00Z.")
        for at in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")
    ),
    (
        order("1", "Alfreds", CHAI, color="red"),
        "INVALID_INPUT",
        "color",
        "There is no field color here; there are expectedTotal, id, items, userId.",
    ),
    (
        {"command": "createOrder", "at": AT, "input": {"userId": id_of("Alfreds"), "items": [{"sku": "CHAI"}]}},
        "INVALID_INPUT",
        "items.0.sku",
        "There is no field sku here; there are productId, quantity, unitPrice.",
    ),
    (
        {"command": "createOrder", "at": AT, "input": {"userId": id_of("Alfreds")}},
        "INVALID_INPUT",
        "items",
        "This field is required.",
    ),
    (
        order("1", "Alfreds", ("Chai", 1, "a lot")),
        "INVALID_INPUT",
        "items.0.unitPrice",
        "This is not an amount: write it like 59.97.",
    ),
    (
        order("1", "Alfreds", ("Chang", 101, None)),
        "INSUFFICIENT_STOCK",
        "items.0.quantity",
        "Of Chang, 100 can be ordered, not 101.",
    ),
    (order("1", "Nobody", CHAI), "NOT_FOUND", "userId", "There is no user with this id: register first."),
    (
        {"command": "payOrder", "at": AT, "input": {**pay("1")["input"], "dryRun": True}},
        "INVALID_INPUT",
        "dryRun",
        "An import has no dry runs: leave dryRun out.",
    ),
]


class TestALine:
    def test_that_cannot_be_carried_out_is_told_and_the_others_are_done(self, fresh: Settings, tmp_path: Path) -> None:
        unfit = [json.dumps(line) for line, *_ in UNFIT]
        path = write_lines(tmp_path / "trade.jsonl", [*TRADE[:4], *unfit, *TRADE[4:]])
        code, printed = run(fresh, path)
        assert (code, printed.splitlines()[0]) == (1, f"9 accepted, 0 replayed, {len(UNFIT)} refused.")
        beside = path.with_name("trade.refused.jsonl")
        assert printed.splitlines()[-1] == f"The refused lines, with their reasons, are in {beside}."
        assert refused(path) == [
            {"line": number, "code": code, "message": message, "path": where, "text": text}
            for number, ((_, code, where, message), text) in enumerate(zip(UNFIT, unfit, strict=True), start=5)
        ]
        assert len(tables.everything(fresh.write.database_url)["events"]) == 9

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ('{"command":', "Expecting value: line 1 column 12 (char 11)."),
            ('{"command"; "payOrder"}', "Expecting ':' delimiter: line 1 column 11 (char 10)."),
            ("[" * 100_000, "maximum recursion depth exceeded while decoding a JSON array from a unicode string."),
            ("\udcff", "Expecting value: line 1 column 1 (char 0)."),
        ],
        ids=["cut off", "misspelt", "too deep", "not UTF-8"],
    )
    def test_that_is_not_json_is_told_where_it_breaks(
        self, fresh: Settings, tmp_path: Path, text: str, why: str
    ) -> None:
        path = write_lines(tmp_path / "trade.jsonl", [TRADE[0], text, TRADE[1]])
        assert run(fresh, path)[1].splitlines()[0] == "2 accepted, 0 replayed, 1 refused."
        [told] = refused(path)
        assert (told["line"], told["code"], told["path"]) == (2, "INVALID_INPUT", "")
        assert told["message"] == f"This line is not JSON: {why}"

    def test_that_was_refused_is_done_by_a_second_import_once_it_can_be(self, fresh: Settings, tmp_path: Path) -> None:
        lines = [*TRADE[:5], pay("10249"), *TRADE[5:8]]
        path = write_lines(tmp_path / "early.jsonl", lines)
        assert run(fresh, path)[0] == 1
        assert [(entry["line"], entry["code"]) for entry in refused(path)] == [(6, "NOT_FOUND")]
        assert run(fresh, path) == (0, "1 accepted, 8 replayed, 0 refused.")
        assert not list(tmp_path.glob("*.refused.jsonl"))


def many(count: int) -> Iterator[Line]:
    yield from TRADE[:5]
    for number in range(count):
        yield order(f"order {number}", "Bolido", ("Chang", 1, None) if number < 90 else ("Tofu", 1, None))
        yield pay(f"order {number}")


class TestWhereRefusedLinesGo:
    @pytest.mark.parametrize("place", ["trade.jsonl", "nowhere/refused.jsonl", "."])
    def test_is_refused_before_anything_is_done(self, fresh: Settings, tmp_path: Path, place: str) -> None:
        path = write_lines(tmp_path / "trade.jsonl", TRADE)
        before = path.read_text()
        printed = StringIO()
        wanted = tmp_path / place
        assert import_file(fresh, path, refused=wanted, console=Console(file=printed, width=500)) == 2
        assert printed.getvalue() == (
            f"Refused lines cannot be written to {wanted}: give another file with --refused.\n"
        )
        assert path.read_text() == before
        assert tables.everything(fresh.write.database_url)["events"] == []


class TestAKilledImport:
    def test_started_again_ends_like_one_that_was_not(
        self, fresh: Settings, settings: Settings, tmp_path: Path
    ) -> None:
        path = write_lines(tmp_path / "many.jsonl", many(200))
        total = 405
        killed = start(fresh, path, stdout=subprocess.DEVNULL)
        while events(fresh) == 0:
            assert killed.poll() is None
            sleep(0.002)
        killed.send_signal(signal.SIGKILL)
        assert killed.wait(10) == -signal.SIGKILL
        done = events(fresh)
        assert 0 < done < total

        again = start(fresh, path, stdout=subprocess.PIPE)
        printed, _ = again.communicate(timeout=60)
        assert again.returncode == 0
        assert f"{total - done} accepted, {done} replayed, 0 refused." in printed

        with databases.fresh(settings) as other:
            assert run(other, path) == (0, f"{total} accepted, 0 replayed, 0 refused.")
            assert stored(fresh) == stored(other)


def start(settings: Settings, path: Path, *, stdout: int) -> subprocess.Popen[str]:
    environment = os.environ | {
        "TANDEM_WRITE_DATABASE_URL": settings.write.database_url,
        "TANDEM_READ_DATABASE_URL": settings.read.database_url,
        "TANDEM_REDIS_URL": settings.queue.redis_url,
    }
    command = [sys.executable, "-m", "api.cli", "import", str(path)]
    return subprocess.Popen(command, env=environment, stdout=stdout, text=True)


def events(settings: Settings) -> int:
    with psycopg.connect(settings.write.database_url) as connection:
        [count] = connection.execute("select count(*) from events").fetchone() or (0,)
    return int(count)
