"""The public audits of GraphQL over HTTP, those of npm's graphql-http, all pass."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Live

AUDITS = Path(__file__).parent / "audits"
COUNT = 61


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node (Debian: nodejs) is not installed")
    if not (AUDITS / "node_modules").is_dir():
        pytest.skip("the audits are not installed: run `npm ci` in tests/e2e/audits")
    return found


def audited(node: str, url: str) -> list[dict[str, Any]]:
    ended = subprocess.run(
        [node, "audit.mjs", url], cwd=AUDITS, capture_output=True, text=True, timeout=120, check=True
    )
    return [json.loads(line) for line in ended.stdout.splitlines()]


class TestAudits:
    def test_all_pass(self, node: str, live: Live) -> None:
        audits = audited(node, f"{live.url}/graphql")
        assert [audit for audit in audits if audit["status"] != "ok"] == []
        assert len(audits) == COUNT

    def test_would_show_a_server_that_is_none(self, node: str, live: Live) -> None:
        audits = audited(node, f"{live.url}/nowhere")
        assert {audit["status"] for audit in audits} >= {"error", "warn"}
