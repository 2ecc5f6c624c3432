"""What GraphiQL's page and the front page send, and that nothing in the page's configuration can break out of it."""

import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from api import front_page, graphiql

HOSTILE = "</script><script>alert(1)</script><!-- <script> & \u2028\u2029 ]]>"


class _Scripts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str | None], str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.found.append((dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.found and self.lasttag == "script":
            attributes, text = self.found[-1]
            self.found[-1] = attributes, text + data.strip()


def scripts(html: str) -> list[tuple[dict[str, str | None], str]]:
    parser = _Scripts()
    parser.feed(html)
    return parser.found


async def get(path: str, *, token: Callable[[], str] | None = None, endpoint: str = "/graphql") -> httpx.Response:
    app = Starlette(routes=[*front_page.routes(graphiql=True), *graphiql.routes(endpoint=endpoint, token=token)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        return await client.get(path)


def config_of(response: httpx.Response) -> Any:
    return json.loads(scripts(response.text)[0][1])


class TestEmbeddedJson:
    @pytest.mark.parametrize("text", [HOSTILE, "<!--", "<SCRIPT", "&lt;/script&gt;", "$config"])
    def test_gives_back_what_went_in(self, text: str) -> None:
        assert json.loads(graphiql.embedded_json({"a": text})) == {"a": text}

    def test_has_nothing_that_html_reads(self) -> None:
        assert re.search("[<>&\u2028\u2029]", graphiql.embedded_json({HOSTILE: [HOSTILE]})) is None


class TestPage:
    async def test_has_no_inline_code(self) -> None:
        (config, _), (entry, code) = scripts((await get("/graphiql")).text)

        assert config == {"type": "application/json", "id": "graphiql-config"}
        assert entry["type"] == "module"
        assert code == ""

    async def test_cannot_be_broken_out_of(self) -> None:
        response = await get("/graphiql", endpoint=HOSTILE, token=lambda: HOSTILE)

        assert len(scripts(response.text)) == 2
        assert config_of(response)["endpoint"] == HOSTILE
        assert json.loads(config_of(response)["headers"]) == {"Authorization": f"Bearer {HOSTILE}"}

    async def test_mints_a_token_for_every_visit(self) -> None:
        numbers = count(1)
        app = Starlette(routes=graphiql.routes(token=lambda: f"token-{next(numbers)}"))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8000") as client:
            visits = [config_of(await client.get("/graphiql"))["headers"] for _ in range(2)]

        assert [json.loads(headers)["Authorization"] for headers in visits] == ["Bearer token-1", "Bearer token-2"]

    @pytest.mark.parametrize("host", ["rebound.example", "localhost.rebound.example:8000", ""])
    async def test_gives_no_token_to_a_foreign_name_that_leads_here(self, host: str) -> None:
        app = Starlette(routes=graphiql.routes(token=lambda: "token"))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8000") as client:
            response = await client.get("/graphiql", headers={"host": host})

        assert config_of(response)["headers"] == "{}"

    async def test_leaves_the_headers_empty_without_a_token(self) -> None:
        assert config_of(await get("/graphiql"))["headers"] == "{}"

    async def test_is_strict_and_is_kept_nowhere(self) -> None:
        headers = (await get("/graphiql")).headers

        assert headers["content-security-policy"] == (
            "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; img-src 'self' data:; "
            "style-src 'self' 'unsafe-inline'; font-src 'self' data:; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"

    async def test_shows_the_tabs_in_the_order_of_the_cycle(self) -> None:
        queries = [tab["query"] for tab in config_of(await get("/graphiql"))["tabs"]]

        assert [re.findall(r"^(?:query|mutation|subscription) (\w+)", query, re.MULTILINE) for query in queries] == [
            [name]
            for name in (
                "RegisterUser",
                "AddProduct",
                "CreateOrder",
                "PayOrder",
                "ShipOrder",
                "UserOrders",
                "Products",
                "WatchOrder",
                "WatchUser",
                "Orders",
                "DailySales",
                "OrderThen",
                "Projections",
            )
        ]
        assert all(query.startswith("# ") for query in queries)


class TestAssets:
    async def test_what_the_page_names_is_there_for_good(self) -> None:
        html = (await get("/graphiql")).text
        for path in re.findall(r'"(/graphiql/assets/[^"]+)"', html):
            response = await get(path)

            assert response.status_code == 200
            assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert response.headers["content-type"].split(";")[0] in {"text/javascript", "text/css"}

    async def test_a_missing_one_is_not_remembered(self) -> None:
        response = await get("/graphiql/assets/main-OLD.js")

        assert response.status_code == 404
        assert "cache-control" not in response.headers

    @pytest.mark.parametrize("path", ["manifest.json", "../manifest.json", "%2e%2e/manifest.json"])
    async def test_are_all_that_is_served(self, path: str) -> None:
        assert (await get(f"/graphiql/assets/{path}")).status_code == 404


class TestBuild:
    def test_is_made_from_the_sources_beside_it(self) -> None:
        folder = Path(graphiql.__file__).parent
        sources = sorted(path for path in (folder / "source").iterdir() if path.is_file())
        manifest = json.loads((folder / "built" / "manifest.json").read_text("utf-8"))

        digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()

        assert manifest["source"] == digest, "run `npm ci && npm run build` in api/graphiql/source"


class TestFrontPage:
    async def test_has_no_code_at_all_and_says_so(self) -> None:
        response = await get("/")

        assert scripts(response.text) == []
        assert "style=" not in response.text
        assert response.headers["content-security-policy"] == (
            "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )

    async def test_leads_on(self) -> None:
        html = (await get("/")).text

        assert {"/graphiql", "/readyz", "#call"} <= set(re.findall('<a href="([^"]+)"', html))
        assert "curl http://localhost:8000/graphql" in html
        assert '"Authorization: Bearer $(tandem token)"' in html

    async def test_does_not_lead_to_a_graphiql_that_is_not_served(self) -> None:
        app = Starlette(routes=front_page.routes(graphiql=False))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8000") as client:
            assert "graphiql" not in (await client.get("/")).text.lower()

    @pytest.mark.parametrize("asset", ["style.css", "icon.svg"])
    async def test_has_what_it_shows(self, asset: str) -> None:
        response = await get(f"/front-page/{asset}")

        assert response.status_code == 200
