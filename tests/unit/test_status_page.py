"""What the status page sends, to whom, and that what was built is what its source says."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.applications import Starlette

from api import status_page
from api.auth import Gate, mint
from api.settings import AuthSettings

AUTH = AuthSettings()
FOLDER = Path(status_page.__file__).parent
STAFF = mint(AUTH, subject="tests", role="staff")
SECONDS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600}
CUSTOMER = mint(AUTH, subject=str(UUID(int=7)), role="customer")


async def get(path: str, *, token: str | None = None, filled_in: str | None = None, host: str = "localhost") -> Any:
    async def now() -> Mapping[str, Any]:
        return {"events": 7}

    app = Starlette(
        routes=status_page.routes(gate=Gate(AUTH), now=now, token=(lambda: filled_in) if filled_in else None)
    )
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{host}:8000") as client:
        return await client.get(path, headers=headers)


class TestData:
    @pytest.mark.parametrize(("token", "status"), [(None, 401), ("no token", 401), (CUSTOMER, 403), (STAFF, 200)])
    async def test_is_for_staff(self, token: str | None, status: int) -> None:
        answer = await get("/status/now", token=token)
        assert answer.status_code == status
        assert ("events" in answer.json()) is (status == 200)
        assert answer.headers["cache-control"] == "no-store"


class TestPage:
    async def test_has_a_token_filled_in_for_this_machine_alone(self) -> None:
        assert "a-token" in (await get("/status", filled_in="a-token")).text
        assert "a-token" not in (await get("/status", filled_in="a-token", host="elsewhere")).text

    async def test_runs_nothing_inline(self) -> None:
        policy = (await get("/status")).headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy

    async def test_finds_its_assets(self) -> None:
        manifest = json.loads((FOLDER / "built" / "manifest.json").read_text())
        for kind in ("script", "style"):
            answer = await get(f"/status/assets/{manifest[kind]}")
            assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True)

    @pytest.mark.skipif(shutil.which("node") is None, reason="Node is not here")
    @pytest.mark.parametrize("form", ["plain", "whole", "duration"])
    def test_writes_beside_an_axis_the_values_that_are_there(self, form: str) -> None:
        script = f"""
            import {{ {form} as form }} from {json.dumps((FOLDER / "source" / "labels.js").as_uri())};
            const axes = form.steps.map((step) => [0, 1, 2, 3, 4, 5, 6].map((times) => times * step));
            console.log(JSON.stringify(axes.map((axis) => axis.map((value) => [form(value), value]))));
        """
        command = ["node", "--input-type=module", "--eval", script]
        axes = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        assert len(axes) > 15
        assert [pair for axis in axes for pair in axis if meant(pair[0]) != pytest.approx(pair[1])] == []

    def test_was_built_from_its_source(self) -> None:
        source = hashlib.sha256()
        for path in sorted(path for path in (FOLDER / "source").iterdir() if path.is_file()):
            source.update(path.read_bytes())
        built = json.loads((FOLDER / "built" / "manifest.json").read_text())["source"]
        assert built == source.hexdigest(), "run: make status"


def meant(label: str) -> float:
    number, _, unit = label.replace(",", "").partition(" ")
    return float(number) * SECONDS.get(unit, 1)
