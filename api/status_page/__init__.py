"""/status: how Tandem is doing, drawn as it happens, for staff. The page itself tells nothing: its data need a token.

Nothing comes from another host and nothing inline runs; in production the page asks for the token.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from string import Template
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from api.auth import Gate
from api.errors import ApiError
from api.graphiql import embedded_json, is_local
from api.outcomes import NOT_EXECUTED

_FOLDER = Path(__file__).parent
_BUILT = _FOLDER / "built"
_PATH = "/status"
_DATA = f"{_PATH}/now"
_ASSETS = f"{_PATH}/assets"

_SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}
_PAGE_HEADERS = _SECURITY | {"Cache-Control": "no-store"}
_ASSET_HEADERS = _SECURITY | {"Cache-Control": "public, max-age=31536000, immutable"}


def routes(
    *, gate: Gate, now: Callable[[], Awaitable[Mapping[str, Any]]], token: Callable[[], str] | None
) -> list[Route | Mount]:
    """Return the page, its assets, and what it asks for once a second.

    `token` is called for every page that this machine asks for, which then needs to ask nobody for one.
    """
    template = Template((_FOLDER / "page.html").read_text("utf-8"))
    manifest = json.loads((_BUILT / "manifest.json").read_text("utf-8"))
    addresses = {kind: f"{_ASSETS}/{manifest[kind]}" for kind in ("script", "style")}

    async def page(request: Request) -> HTMLResponse:
        config = {"data": _DATA, "token": token() if token is not None and is_local(request) else None}
        return HTMLResponse(template.substitute(addresses, config=embedded_json(config)), headers=_PAGE_HEADERS)

    async def data(request: Request) -> Response:
        try:
            principal = await gate.principal_of(request.headers.get("authorization"))
            principal.require_staff()
        except ApiError as error:
            status = NOT_EXECUTED.get(str((error.extensions or {})["code"]))
            return JSONResponse({"errors": [error.formatted]}, status.graphql if status else 403, headers=_PAGE_HEADERS)
        return JSONResponse(await now(), headers=_PAGE_HEADERS)

    return [Mount(_ASSETS, app=_Assets(directory=_BUILT / "assets")), Route(_DATA, data), Route(_PATH, page)]


class _Assets(StaticFiles):
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(_ASSET_HEADERS)
        return response
