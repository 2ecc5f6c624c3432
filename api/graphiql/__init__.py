"""GraphiQL 5 from this server alone: no other host, no inline code, and tabs that walk through the whole cycle."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

_FOLDER = Path(__file__).parent
_BUILT = _FOLDER / "built"
_PATH = "/graphiql"
_ASSETS = f"{_PATH}/assets"

# Monaco sets style attributes and elements, hence 'unsafe-inline' for styles; nothing inline may run.
_SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "style-src 'self' 'unsafe-inline'; font-src 'self' data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}
# The page carries a token.
_PAGE_HEADERS = _SECURITY | {"Cache-Control": "no-store"}
_ASSET_HEADERS = _SECURITY | {"Cache-Control": "public, max-age=31536000, immutable"}

# In HTML, JSON ends at the first "</script>" and gets lost after "<!--"; JSON's own escapes avoid both.
_UNSAFE_IN_HTML = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One operation to start with; GraphiQL takes its title from the operation's name."""

    query: str
    variables: str | None


def tabs() -> list[Tab]:
    """The tabs of `tabs/`, in the order of their file names; `x.json` holds the variables of `x.graphql`."""
    return [_tab(document) for document in sorted((_FOLDER / "tabs").glob("*.graphql"))]


def _tab(document: Path) -> Tab:
    variables = document.with_suffix(".json")
    return Tab(
        query=document.read_text("utf-8").rstrip(),
        variables=variables.read_text("utf-8").rstrip() if variables.exists() else None,
    )


def embedded_json(value: object) -> str:
    """JSON that may stand inside a `<script type="application/json">`."""
    return json.dumps(value, ensure_ascii=False).translate(_UNSAFE_IN_HTML)


def routes(*, endpoint: str = "/graphql", token: Callable[[], str] | None) -> list[Route | Mount]:
    """The page and its assets.

    `token` is called for every page that this machine asks for, and fills in its default headers.
    """
    template = Template((_FOLDER / "page.html").read_text("utf-8"))
    manifest = json.loads((_BUILT / "manifest.json").read_text("utf-8"))
    addresses = {kind: f"{_ASSETS}/{manifest[kind]}" for kind in ("script", "style")}
    config = _config(endpoint)

    async def page(request: Request) -> HTMLResponse:
        headers = _default_headers(token if is_local(request) else None)
        html = template.substitute(addresses, config=embedded_json(config | {"headers": headers}))
        return HTMLResponse(html, headers=_PAGE_HEADERS)

    return [Mount(_ASSETS, app=_Assets(directory=_BUILT / "assets")), Route(_PATH, page)]


def _config(endpoint: str) -> dict[str, Any]:
    documents = [{"query": tab.query, "variables": tab.variables} for tab in tabs()]
    version = hashlib.sha256(json.dumps(documents).encode()).hexdigest()[:16]
    return {"endpoint": endpoint, "tabs": documents, "tabsVersion": version}


def _default_headers(token: Callable[[], str] | None) -> str:
    return "{}" if token is None else json.dumps({"Authorization": f"Bearer {token()}"}, indent=2)


def is_local(request: Request) -> bool:
    """Whether the page was asked for by this machine's own name: a foreign name that leads here gets no token."""
    host = request.headers.get("host", "")
    return re.sub(r":\d+$", "", host) in {"localhost", "127.0.0.1", "[::1]"}


class _Assets(StaticFiles):
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(_ASSET_HEADERS)
        return response
