"""What a request cannot do to a server in production, whatever it carries."""

import gzip
import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.asked import LONGEST_BODY
from api.context import Standings
from api.endpoint import Endpoint
from tests.support.client import Client
from tests.support.raw import answer_to
from tests.support.serving import Served

JSON = {"Content-Type": "application/json"}
SECRET = "password=hunter2"
ASKED = {"query": "{ __typename }"}


def registering(email: str) -> str:
    return f'mutation {{ registerUser(input: {{name: "Eve", email: "{email}"}}) {{ __typename }} }}'


def code(answer: httpx.Response) -> tuple[int, str]:
    [error] = answer.json()["errors"]
    return answer.status_code, error["extensions"]["code"]


@pytest.fixture
def email(stranger: Client) -> Iterator[str]:
    """An e-mail address that the test must not have registered."""
    address = f"{uuid4().hex}@example.com"
    yield address
    assert stranger.ask(registering(address))["registerUser"] == {"__typename": "UserAccepted"}


def test_s02_a_browser_is_shown_no_graphiql(stranger: Client) -> None:
    answer = stranger.http.get("/graphql", headers={"Accept": "text/html"})
    assert code(answer) == (406, "NOT_ACCEPTABLE")
    assert stranger.http.get("/graphiql").status_code == 404


def test_s04_a_page_of_another_site_cannot_make_a_browser_ask(stranger: Client) -> None:
    """A GET asks and changes nothing; a browser says of whose page it is, and carries no token of its own accord."""
    for site, expected in (("cross-site", 403), ("same-origin", 200), ("none", 200)):
        assert stranger.http.get("/graphql", params=ASKED, headers={"Sec-Fetch-Site": site}).status_code == expected


def test_s05_a_get_changes_nothing(stranger: Client, email: str) -> None:
    answer = stranger.http.get("/graphql", params={"query": registering(email)})
    assert code(answer) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded", "text/plain", None, "application/graphql", "multipart/form-data; boundary=x"],
    ids=["s06 a form", "s07 text", "s07 nothing", "s07 graphql", "s08 multipart"],
)
def test_s06_s07_s08_a_body_of_another_content_type_is_not_taken(
    kind: str | None, stranger: Client, email: str
) -> None:
    content = json.dumps({"query": registering(email)})
    answer = stranger.http.post("/graphql", content=content, headers={"Content-Type": kind} if kind else {})
    assert code(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_s08_a_file_upload_is_not_taken(stranger: Client, email: str) -> None:
    operations = json.dumps({"query": registering(email)})
    answer = stranger.http.post("/graphql", data={"operations": operations, "map": "{}"}, files={"0": b"x"})
    assert code(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_s09_a_cookie_signs_nobody_in(stranger: Client, operator: Client) -> None:
    cookies = {"Cookie": f"token={operator.token}; Authorization=Bearer {operator.token}"}
    answer = stranger.http.post("/graphql", json={"query": "{ orders { totalCount } }"}, headers=cookies)
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["UNAUTHENTICATED"]
    assert "set-cookie" not in answer.headers


def test_s11_several_operations_at_once_are_not_taken(stranger: Client, email: str) -> None:
    answer = stranger.http.post("/graphql", json=[{"query": registering(email)}] * 10)
    assert code(answer) == (400, "BAD_REQUEST")


def test_s20_a_long_body_is_refused_before_all_of_it_has_come(served: Served) -> None:
    head = b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
    piece = b"a" * 32_768
    declared = answer_to(served.url, head + b"Content-Length: 20000000\r\n\r\n", piece, piece, piece)
    chunk = b"%x\r\n%s\r\n" % (len(piece), piece)
    endless = answer_to(served.url, head + b"Transfer-Encoding: chunked\r\n\r\n", chunk, chunk, chunk)
    assert LONGEST_BODY == 65_536
    for answer in (declared, endless):
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b'"PAYLOAD_TOO_LARGE"' in answer


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b'{"query": "{ __typename }", "variables": {"a": ' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
        b'{"query": "\xff"}',
        b'{"query": "{ __typename }", "variables": {"a": ' + b"1" * 5000 + b"}}",
        b'{"query": "{ __typename }", "variables": {"a": NaN}}',
        b'{"query": "{ __typename }", "query": "mutation { x }"}',
        b'{"query": "{ __typename }", "\\u0071uery": "mutation { x }"}',
        b'{"query": "{ __typename }", "variables": {"query": 1, "query": 2}}',
    ],
    ids=[
        "s21 deep",
        "s21 deep variables",
        "s22 bytes",
        "s23 digits",
        "s29 NaN",
        "s27 twice",
        "s27 escaped",
        "s27 inner",
    ],
)
def test_s21_s22_s23_s27_what_is_no_sound_json_is_a_bad_request(body: bytes, stranger: Client) -> None:
    assert code(stranger.http.post("/graphql", content=body, headers=JSON)) == (400, "BAD_REQUEST")


def test_s27_a_name_may_stand_in_two_objects(stranger: Client) -> None:
    asked = {"query": '{ __typename } # "query"', "variables": {"query": "\u00e9", "variables": {"query": 1}}}
    answer = stranger.http.post("/graphql", content=json.dumps(asked), headers=JSON)
    assert answer.json()["data"] == {"__typename": "Query"}


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_s24_a_compressed_body_is_not_taken(encoding: str, stranger: Client) -> None:
    bomb = gzip.compress(b" " * 1_000_000)
    answer = stranger.http.post("/graphql", content=bomb, headers={**JSON, "Content-Encoding": encoding})
    assert code(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_s31_what_goes_wrong_is_told_by_a_number_alone(
    operator: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: Any) -> list[Any]:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(Standings, "all", broken)
    answer = operator.post("{ projections { name } }")
    [error] = answer.json()["errors"]
    number = answer.headers["X-Request-Id"]
    assert error["message"] == f"Something went wrong here; its number is {number}."
    assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": number}
    assert SECRET not in answer.text
    assert SECRET in caplog.text


def test_s32_a_request_that_breaks_the_server_is_told_no_more(
    stranger: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(Endpoint, "_context", broken)
    with caplog.at_level(logging.CRITICAL, "uvicorn.error"):
        answer = stranger.http.post("/graphql", json=ASKED)
    assert code(answer) == (500, "INTERNAL_SERVER_ERROR")
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("path", ["/%0d%0aforged", "/%1b%5b2Jforged", "/graphql?query=%0aforged"])
def test_s54_nobody_forges_a_line_of_the_log(path: str, operator: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    operator.http.get(path, headers={"User-Agent": "\x1b[2J forged", "X-Request-Id": "forged\x1b"})
    given = {"name": "forged\r\nline \x1b[2J", "email": "forged@example.com"}
    assert operator.give("registerUser", given)["__typename"] == "InvalidInput"
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("http", "hpack"))]
    assert not any(mark in message for message in ours for mark in ("\r", "\n", "\x1b"))


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("api.example.com", 200),
        ("api.example.com:8443", 200),
        ("evil.test", 400),
        ("example.com.evil.test", 400),
        ("a/b?x", 400),
        ("127.0.0.1@evil.test", 400),
        ("", 400),
    ],
)
def test_s59_a_host_that_is_not_ours_is_refused(host: str, status: int, stranger: Client) -> None:
    assert stranger.http.post("/graphql", json=ASKED, headers={"Host": host}).status_code == status


def test_s59_probes_come_by_address(stranger: Client) -> None:
    assert stranger.http.get("/livez", headers={"Host": "10.0.0.7:8000"}).status_code == 200


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 5, 5\r\n",
        b"X: a\rTransfer-Encoding: chunked\r\n",
    ],
)
def test_s60_a_request_with_two_ends_is_refused(head: bytes, served: Served) -> None:
    request = b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + head + b"\r\n0\r\n\r\n"
    answer = answer_to(served.url, request)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_s61_no_other_origin_is_let_in(stranger: Client) -> None:
    asks = {"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"}
    preflight = stranger.http.options("/graphql", headers=asks)
    answer = stranger.http.post("/graphql", json=ASKED, headers={"Origin": "https://evil.test"})
    assert preflight.status_code == 405
    assert not [name for each in (preflight, answer) for name in each.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/graphql"),
        ("HEAD", "/graphql"),
        ("GET", "/graphql"),
        ("GET", "/"),
        ("GET", "/livez"),
        ("GET", "/nowhere"),
    ],
)
def test_s62_answers_are_for_nobody_to_keep_or_to_show(method: str, path: str, stranger: Client) -> None:
    answer = stranger.http.request(method, path, json=ASKED if method == "POST" else None)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "server" not in answer.headers
    if path == "/graphql":
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize(
    ("asked", "graphql", "plain"),
    [
        ({"query": "{"}, 400, 200),
        ({"query": "{ nothing }"}, 400, 200),
        ({"query": "query ($id: ID!) { product(id: $id) { id } }"}, 400, 200),
        ({"query": "{ __typename }"}, 200, 200),
        ({"query": "{ orders { totalCount } }"}, 200, 200),
        ({}, 400, 400),
    ],
)
def test_s68_the_status_is_the_draft_s(asked: dict[str, str], graphql: int, plain: int, stranger: Client) -> None:
    types = {"application/graphql-response+json": graphql, "application/json": plain}
    answered = {
        kind: stranger.http.post("/graphql", json=asked, headers={"Accept": kind}).status_code for kind in types
    }
    assert answered == types
