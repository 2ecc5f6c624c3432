"""An API that is given a manifest carries out its documents, and no others."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from api.app import create_app
from api.settings import Settings
from tests.conftest import free_port

COUNT = 'query Count { products(where: {search: "no such thing"}) { totalCount } }'


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "manifest.json"
    path.write_bytes(orjson.dumps({"count": COUNT}))
    return path


async def test_only_what_is_trusted_is_carried_out(settings: Settings, manifest: Path) -> None:
    app = create_app(replace(settings, trusted_documents=manifest))
    transport = httpx.ASGITransport(app=app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://api") as http:

        async def sent(**asked: Any) -> tuple[int, Any]:
            answer = await http.post("/graphql", json=asked)
            body = answer.json()
            return answer.status_code, body.get("data") or body["errors"][0]["extensions"]["code"]

        assert await sent(documentId="count") == (200, {"products": {"totalCount": 0}})
        assert await sent(query=COUNT) == (200, {"products": {"totalCount": 0}})
        assert await sent(query="{ products { totalCount } }") == (403, "QUERY_NOT_IN_SAFELIST")
        assert await sent(documentId="other") == (404, "PERSISTED_QUERY_NOT_IN_LIST")


def test_an_api_without_the_manifest_it_is_to_trust_does_not_start(settings: Settings, tmp_path: Path) -> None:
    environment = os.environ | {
        "TANDEM_WRITE_DATABASE_URL": settings.write.database_url,
        "TANDEM_READ_DATABASE_URL": settings.read.database_url,
        "TANDEM_REDIS_URL": settings.queue.redis_url,
        "TANDEM_TRUSTED_DOCUMENTS": str(tmp_path / "none.json"),
    }
    command = [sys.executable, "-m", "api.cli", "api", "--port", str(free_port())]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    refused = f"TANDEM_TRUSTED_DOCUMENTS: {tmp_path / 'none.json'} cannot be read: No such file or directory.\n"
    assert (ended.returncode, ended.stderr) == (2, refused)
