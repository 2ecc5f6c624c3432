"""The page at `/`: what Tandem is, how its pipeline runs, and where to go from here."""

from html import escape
from pathlib import Path
from string import Template
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

_FOLDER = Path(__file__).parent
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def routes(*, graphiql: bool) -> list[Route | Mount]:
    """The page and its style sheet; it leads to GraphiQL only where that is served."""
    template = Template((_FOLDER / "page.html").read_text("utf-8"))
    link = (_FOLDER / "graphiql_link.html").read_text("utf-8") if graphiql else ""

    async def page(request: Request) -> HTMLResponse:
        html = template.substitute(graphiql=link, origin=escape(str(request.base_url).rstrip("/")))
        return HTMLResponse(html, headers=_HEADERS)

    return [Route("/", page), Mount("/front-page", app=_Assets(directory=_FOLDER / "assets"))]


class _Assets(StaticFiles):
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(_HEADERS)
        return response
