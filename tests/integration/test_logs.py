"""One id leads from a request to the answer's header, the log's line and the event's metadata."""

from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine, text

from api.settings import Settings
from tests.support.client import Client
from tests.support.serving import serving

MINE = "checkout-4711"


def metadata(log: Engine) -> list[dict[str, str]]:
    with log.connect() as connection:
        return [row.metadata for row in connection.execute(text("select metadata from events order by recorded_at"))]


def register(by: Client, name: str, request_id: str | None = None) -> httpx.Response:
    document = """mutation ($of: RegisterUserInput!) {
        registerUser(input: $of) { ... on UserAccepted { userId } ... on UserError { code } }
    }"""
    sent = {"query": document, "variables": {"of": {"name": name, "email": f"{UUID(int=len(name))}@example.com"}}}
    return by.http.post("/graphql", json=sent, headers={"X-Request-Id": request_id} if request_id else {})


class TestRequestId:
    def test_is_in_the_answer_the_line_and_the_event(
        self, fresh: Settings, log: Engine, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO", "api.counts")
        with serving(fresh) as served, httpx.Client(base_url=served.url) as http:
            nobody = Client(http=http)
            taken = register(nobody, "Ada", MINE)
            made = register(nobody, "Grace")
            refused = register(nobody, "", "refused-1")
            broken = http.post("/graphql", content=b"{", headers={"X-Request-Id": "broken-1"})
            odd = http.get("/graphql?query={__typename}", headers={"X-Request-Id": "a b"})
        ids = [answer.headers["x-request-id"] for answer in (taken, made, refused, broken)]
        assert ids == [MINE, ids[1], "refused-1", "broken-1"]
        assert [each["correlationId"] for each in metadata(log)] == ids[:2]
        assert str(UUID(ids[1])) == ids[1]
        assert str(UUID(odd.headers["x-request-id"]))
        said = [vars(each) for each in caplog.records if each.name == "api.counts"]
        assert [(each["outcome"], each.get("code")) for each in said] == [
            ("accepted", None),
            ("accepted", None),
            ("refused", "INVALID_INPUT"),
        ]
        assert said[0]["command"] == "RegisterUser"
        assert str(said[0]["stream"]) == taken.json()["data"]["registerUser"]["userId"]
        assert said[0]["position"] >= 1
        assert all(each["milliseconds"] > 0 for each in said)
