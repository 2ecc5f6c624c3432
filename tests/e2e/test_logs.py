"""What processes log: objects, line by line, that lead from a request to what became of its event."""

import json
from pathlib import Path
from typing import Any

import httpx
import psycopg

from projections.catalogue import projections
from tests.support.client import Client
from tests.support.running import Part, Running, eventually, servers

MINE = "checkout-4711"
NAMES = sorted(projection.name for projection in projections())


def said(running: Running, part: Part) -> list[dict[str, Any]]:
    return [json.loads(line) for line in running.log(part).read_text().splitlines()]


def test_a_worker_names_the_request_whose_event_it_cannot_apply(tmp_path: Path) -> None:
    with servers(tmp_path / "data") as running:
        running.environment["TANDEM_LOG_FORMAT"] = "json"
        api = running.add_api("api.cli", "api")
        with httpx.Client(base_url=api.url, timeout=10, headers={"X-Request-Id": MINE}) as http:
            given = {"name": "Eve", "email": "eve@example.com"}
            user = Client(http=http).give("registerUser", given, select="userId")["userId"]
        with psycopg.connect(running.where.write_url) as connection:
            connection.execute("update events set data = '{}'")
        worker = running.add_worker("api.cli", "worker")
        eventually(lambda: len(said(running, worker)) >= len(NAMES), "the worker tells of it", said=running.log(worker))
        told = said(running, worker)
        command = said(running, api)[-1]

    assert (command["event"], command["correlation_id"], command["stream"]) == ("command", MINE, user)
    assert {(line["event"], line["correlation_id"], line["stream"], line["type"]) for line in told} == {
        ("stream_set_aside", MINE, user, "UserRegistered")
    }
    assert sorted(line["projection"] for line in told) == NAMES
