"""S65 and S67: what production answers to strangers, and that no secret is found out by how long a comparison takes."""

import ast
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from starlette.routing import Mount, Route, WebSocketRoute

from api.app import create_app
from api.settings import AuthSettings, Environment, Settings
from tasks.settings import MetricsSettings
from tests.support.client import Client
from tests.support.serving import serving
from tests.support.sources import PACKAGES, sources

METRICS = "a token for operators"
# Whatever an API in production answers at: for everybody, as its answers tell nobody's data; or for whom it is.
DOORS = {
    "/": "open: the front page",
    "/front-page": "open: its style sheet",
    "/graphql": "by the role that each field is for",
    "/livez": "open: whether the process answers",
    "/readyz": "open: whether its stores do",
    "/metrics": "with TANDEM_METRICS_TOKEN, and without one not there",
    "/status": "open: a page that tells nothing by itself",
    "/status/assets": "open: its script and style sheet",
    "/status/now": "for staff",
}
# Where operators' doors would be guessed.
GUESSED = [
    "/graphiql",
    "/admin",
    "/rebuild",
    "/projections",
    "/doctor",
    "/docs",
    "/debug",
    "/.env",
    "/token",
]
STAFF_ONLY = ["{ projections { name } }", "{ users { totalCount } }"]


@pytest.fixture(scope="module")
def closed(settings: Settings) -> Settings:
    safe = AuthSettings(secret="of this production, and long enough for it")
    return replace(settings, environment=Environment.PRODUCTION, auth=safe, metrics=MetricsSettings(token=METRICS))


@pytest.fixture(scope="module")
def production(closed: Settings) -> Iterator[httpx.Client]:
    with serving(closed) as served, httpx.Client(base_url=served.url, timeout=10) as http:
        yield http


class TestDoors:
    def test_s65_are_those_of_this_list(self, closed: Settings) -> None:
        found = {each.path for each in create_app(closed).routes if isinstance(each, Route | Mount | WebSocketRoute)}
        assert found == DOORS.keys()

    def test_s65_without_a_token_for_metrics_lack_these(self, closed: Settings) -> None:
        found = {each.path for each in create_app(replace(closed, metrics=MetricsSettings())).routes}  # type: ignore[attr-defined]
        assert found == DOORS.keys() - {"/metrics"}

    @pytest.mark.parametrize("path", GUESSED)
    def test_s65_for_operators_are_not_found_by_guessing(self, path: str, production: httpx.Client) -> None:
        assert {production.request(method, path).status_code for method in ("GET", "POST", "DELETE")} == {404}

    @pytest.mark.parametrize(
        "header",
        [None, "", "Bearer", f"Bearer {METRICS[:-1]}", f"Bearer {METRICS}s", METRICS, "Bearer \u00e9"],
    )
    def test_s65_s67_to_metrics_open_to_the_token_alone(self, header: str | None, production: httpx.Client) -> None:
        headers = {} if header is None else {b"authorization": header.encode("latin-1")}
        assert production.get("/metrics", headers=headers).status_code == 401
        assert production.get("/metrics", headers={"authorization": f"Bearer {METRICS}"}).status_code == 200

    @pytest.mark.parametrize("document", STAFF_ONLY)
    def test_s65_of_the_schema_for_operators_are_for_staff(self, document: str, nobody: Client, staff: Client) -> None:
        customer = nobody.as_customer(nobody.registered())
        assert [code for code, _ in nobody.errors(document)] == ["UNAUTHENTICATED"]
        assert [code for code, _ in customer.errors(document)] == ["FORBIDDEN"]
        assert staff.ask(document)


SECRETS = ("secret", "token", "password", "signature", "authorization")
# Compared with what everybody knows, when a process starts.
KNOWN = {"api/settings.py: self.secret == DEVELOPMENT_SECRET"}


def compared(source: str) -> list[str]:
    """Return the comparisons by `==` of what by its name is a secret: they take the longer, the more of it is right."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Compare) and any(isinstance(each, ast.Eq | ast.NotEq) for each in node.ops)
        if any(_is_secret(each) for each in (node.left, *node.comparators))
    ]


def _is_secret(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.lower().strip("_").split("_")[-1] in SECRETS


class TestSecrets:
    def test_s67_are_never_compared_letter_by_letter(self) -> None:
        found = {f"{path}: {each}" for path, text in sources(*PACKAGES).items() for each in compared(text)}
        assert found == KNOWN

    def test_s67_would_be_seen_if_they_were(self) -> None:
        source = "if header != f'Bearer {x}' or token == given or a.metrics_token != b or name == 'token': pass"
        assert compared(source) == ["token == given", "a.metrics_token != b"]
