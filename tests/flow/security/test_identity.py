"""Tokens that were not issued, S40 to S47: refused alike, whatever carries them, by a secret and by a key set."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api.settings import AuthSettings, Settings
from tests.flow.test_live import following
from tests.support.client import Client
from tests.support.issuer import Issuer, claims, ec, issuing, public, rsa, token
from tests.support.serving import serving
from tests.support.socket import connected, opened

EXPIRED = "The token has expired: sign in again."
INVALID = "The token is not valid here: sign in again."
TOO_LONG = "The Authorization header must be: Bearer <token>."
SECRET = AuthSettings().secret
KEY, CURVE, STRANGER = rsa("issuer"), ec("issuer"), rsa("stranger")
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
DER = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
JWK = public("rsa", KEY)
CHANGED = "subscription ($id: ID!) { orderChanged(orderId: $id) { id } }"
READ = "query ($id: ID!) { order(id: $id) { id } }"
DEEP = b'{"exp":' + b"[" * 2800 + b"]" * 2800 + b"}"


def ago(**time: float) -> datetime:
    return datetime.now(UTC) - timedelta(**time)


def encoded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part, default=datetime.timestamp).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unsigned(header: object, payload: object = None, signature: bytes = b"") -> str:
    return ".".join(encoded(part) for part in (header, claims() if payload is None else payload, signature))


def by_secret(secret: bytes, payload: object = None, *, kind: str = "sha256", **header: object) -> str:
    """Sign by hand, also with what a library refuses to take for a secret."""
    names = {"alg": f"HS{kind[3:]}", "typ": "JWT", **header}
    signed = f"{encoded(names)}.{encoded(claims() if payload is None else payload)}"
    return f"{signed}.{encoded(hmac.new(secret, signed.encode(), kind).digest())}"


def issued(**other: Any) -> str:
    return by_secret(SECRET.encode(), claims(**other))


def by_key(kid: str | None = "rsa", **other: Any) -> str:
    return token(kid, KEY, **other)


def changed(signed: str, **other: Any) -> str:
    """Return a token with other claims under the signature of before."""
    header, _, signature = signed.split(".")
    return f"{header}.{encoded(claims(**other))}.{signature}"


# Said about both ways to check a token: `sign` makes one with the claims given.
Sign = Callable[..., str]


def of_claims(sign: Sign) -> dict[str, str]:
    return {
        "s43 expired": sign(exp=ago(seconds=11)),
        "s43 of the future": sign(nbf=ago(days=-1)),
        "s43 issued in the future": sign(iat=ago(days=-1)),
        "s43 for another audience": sign(aud="another"),
        "s43 for several others": sign(aud=["another", "others"]),
        "s43 of another issuer": sign(iss="another"),
        "s43 of an issuer that is longer": sign(iss="tandem/"),
        **{f"s43 without {name}": sign(**{name: None}) for name in ("sub", "role", "iss", "aud", "iat", "exp")},
        "s43 with an end that is text": sign(exp="tomorrow"),
        "s43 with an end beyond time": sign(exp=10**30),
        "s43 with an end that is no number": sign(exp=[1]),
        "s43 of a subject that is a number": sign(sub=7),
        "s43 of a customer who is no user": sign(role="customer", sub="' or 1=1 --"),
        "s43 of a role that there is not": sign(role="admin"),
        "s43 of several roles": sign(role=["staff"]),
        "s43 with claims that were changed": changed(sign(role="customer", sub=str(uuid4()))),
    }


def of_form(kid: str) -> dict[str, str]:
    names = {"kid": kid}
    return {
        **{f"s40 alg {name}": unsigned({"alg": name, **names}) for name in ("none", "None", "NONE", "nOnE", "", "HS1")},
        "s40 alg null": unsigned({"alg": None, **names}),
        "s40 alg a list": unsigned({"alg": ["none"], **names}),
        "s40 without alg": unsigned(names),
        "s40 with two algs": unsigned(b'{"alg":"HS256","alg":"none","kid":"rsa"}'),
        "s40 not signed": unsigned({"alg": "RS256", **names}),
        "s40 not signed, as HS256": unsigned({"alg": "HS256", **names}),
        "s40 garbage": "garbage",
        "s40 dots": "." * 8000,
        "s40 five parts": "a.b.c.d.e",
        "s40 not base64": "\u00e9.\u00e9.\u00e9",
        "s40 a header that is no object": unsigned([1]),
        "s40 a header that is deep": unsigned(b"[" * 5000),
        "s40 a number that is long": unsigned(b'{"alg":' + b"9" * 5000 + b"}"),
        "s40 too long": "a" * 8193,
        "s42 crit": unsigned({"alg": "RS256", "crit": ["exp"], **names}),
        "s42 b64 false": unsigned({"alg": "RS256", "b64": False, "crit": ["b64"], **names}),
    }


BY_A_SECRET = {
    **of_form("rsa"),
    **of_claims(issued),
    "s41 by a private key": by_key(),
    "s41 by a curve": token("ec", CURVE),
    "s41 HS384 by the secret": by_secret(SECRET.encode(), kind="sha384"),
    "s41 HS512 by the secret": by_secret(SECRET.encode(), kind="sha512"),
    "s41 by another secret": by_secret(b"another secret, of enough bytes for the algorithm"),
    "s41 by no secret": by_secret(b""),
    "s41 by the secret and a blank": by_secret(SECRET.encode() + b" "),
    "s42 crit, signed": by_secret(SECRET.encode(), crit=["exp"]),
    "s42 a crit that is no list, signed": by_secret(SECRET.encode(), crit="exp"),
    "s42 b64 false, signed": by_secret(SECRET.encode(), b64=False, crit=["b64"]),
    "s42 a kid that is a list, signed": by_secret(SECRET.encode(), kid=["rsa"]),
    "s43 deep claims, signed": by_secret(SECRET.encode(), DEEP),
    "s43 claims that are no object, signed": by_secret(SECRET.encode(), b"[]"),
    "s43 claims that are not JSON, signed": by_secret(SECRET.encode(), b"\xff\xfe"),
}
PUBLIC_AS_SECRET = {
    "a PEM": PEM,
    "a PEM and a line": PEM + b"\n",
    "a PEM without its last line": PEM.strip(),
    "a PEM behind blanks": b"  \n" + PEM,
    "a PEM with CRLF": PEM.replace(b"\n", b"\r\n"),
    "a DER": DER,
    "a JWK": json.dumps(JWK).encode(),
    "a JWK, compact": orjson.dumps(JWK),
    "a modulus": base64.urlsafe_b64decode(JWK["n"] + "=="),
    "a digest": hashlib.sha256(DER).digest(),
    "the default secret": SECRET.encode(),
    "nothing": b"",
}
KIDS = [
    "../../../../dev/null",
    "/dev/null",
    "' or '1'='1",
    "rsa\0",
    "rsa ",
    "RSA",
    "",
    "x" * 4000,
    "http://127.0.0.1:1/",
]
BY_A_KEY_SET = {
    **of_form("rsa"),
    **of_claims(by_key),
    **{f"s41 HS256 by {name}": by_secret(secret, kid="rsa") for name, secret in PUBLIC_AS_SECRET.items()},
    "s41 HS512 by a PEM": by_secret(PEM, kind="sha512", kid="rsa"),
    "s41 by a stranger": token("rsa", STRANGER),
    "s41 by a curve under the name of another": token("rsa", CURVE),
    "s41 by another under the name of a curve": token("ec", KEY),
    "s41 of a secret in the set": by_secret(b"secret" * 8, kid="oct"),
    **{f"s42 kid {kid[:20]!a}": token(kid, KEY) for kid in KIDS},
    "s42 no kid": token(None, KEY),
    "s42 a kid that is a number": unsigned({"alg": "RS256", "kid": 7}),
    "s42 a kid that is an object": unsigned({"alg": "RS256", "kid": {"rsa": 1}}),
    "s42 jku": token("mine", STRANGER, header={"jku": "http://127.0.0.1:1/mine.json"}),
    "s42 x5u": token("mine", STRANGER, header={"x5u": "http://127.0.0.1:1/mine.pem"}),
    "s42 jwk": token("rsa", STRANGER, header={"jwk": public("rsa", STRANGER)}),
    "s42 x5c": token("rsa", STRANGER, header={"x5c": [base64.b64encode(DER).decode()]}),
    "s42 b64 false, signed": token("rsa", KEY, header={"b64": False, "crit": ["b64"]}),
}
MESSAGES = {"s43 expired": EXPIRED, "s40 too long": TOO_LONG}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    secret = {"kty": "oct", "k": base64.urlsafe_b64encode(b"secret" * 8).decode(), "kid": "oct", "alg": "HS256"}
    with issuing(public("rsa", KEY), public("ec", CURVE), secret) as running:
        yield running


@pytest.fixture(scope="module")
def urls(settings: Settings, issuer: Issuer) -> Iterator[dict[str, str]]:
    """An API that checks tokens by a secret, and one that does by the keys of a set."""
    by_keys = replace(settings, auth=AuthSettings(jwks=issuer.url))
    with serving(settings) as one, serving(by_keys) as other:
        yield {"secret": one.url, "keys": other.url}


def refused(url: str, sent: str) -> dict[str, tuple[int, object]]:
    """Return what a token is answered with, whatever carries it: a status and its body, or a code and its reason."""
    headers = {b"authorization": b"Bearer " + sent.encode("latin-1")}
    asked = {"query": "{ __typename }"}
    with httpx.Client(base_url=url, timeout=10, headers=headers) as http:
        answers = {
            "POST": http.post("/graphql", json=asked),
            "GET": http.get("/graphql", params=asked),
            "events": http.post("/graphql", json=asked, headers={"accept": "text/event-stream"}),
        }
    with opened(url) as socket:
        socket.say({"type": "connection_init", "payload": {"Authorization": f"Bearer {sent}"}})
        closed = socket.closed()
    return {**{name: (answer.status_code, answer.json()) for name, answer in answers.items()}, "socket": closed}


ATTACKS = [
    pytest.param(way, name, id=f"test_{name.replace(' ', '_')}_by_{way}")
    for way, attacks in (("secret", BY_A_SECRET), ("keys", BY_A_KEY_SET))
    for name in attacks
]


@pytest.mark.parametrize(("way", "name"), ATTACKS)
def test_s40_to_s43_and_s46_a_token_that_does_not_hold_is_refused(way: str, name: str, urls: dict[str, str]) -> None:
    message = MESSAGES.get(name, INVALID)
    answer = 401, {"errors": [{"message": message, "extensions": {"code": "UNAUTHENTICATED"}}]}
    sent = (BY_A_SECRET if way == "secret" else BY_A_KEY_SET)[name]
    assert refused(urls[way], sent) == {
        "POST": answer,
        "GET": answer,
        "events": answer,
        "socket": (4403, message),
    }


class TestATokenThatHolds:
    @pytest.mark.parametrize(
        ("way", "sent"),
        [
            ("secret", issued()),
            ("secret", issued(aud=["another", "tandem"])),
            ("secret", by_secret(SECRET.encode(), kid="../../x", jku="http://127.0.0.1:1/", x5u="http://127.0.0.1:1/")),
            ("keys", by_key()),
            ("keys", token("ec", CURVE)),
            ("keys", token("rsa", KEY, header={"jku": "http://127.0.0.1:1/", "x5u": "http://127.0.0.1:1/"})),
        ],
    )
    def test_s42_signs_in_and_what_its_header_points_to_is_not_looked_at(
        self, way: str, sent: str, urls: dict[str, str], staff: Client
    ) -> None:
        order = staff.ordered(staff.registered(), staff.added())
        with httpx.Client(base_url=urls[way], timeout=10) as http:
            assert Client(http=http, token=sent).ask(READ, id=order) == {"order": {"id": order}}
        with connected(urls[way], sent) as socket:
            socket.subscribe("1", CHANGED, id=order)
            assert socket.next()["data"] == {"orderChanged": {"id": order}}

    def test_s40_of_another_way_to_sign_is_refused(self, urls: dict[str, str]) -> None:
        assert {code for code, _ in refused(urls["secret"], by_key()).values()} == {401, 4403}
        assert {code for code, _ in refused(urls["keys"], issued()).values()} == {401, 4403}


class TestAnUnknownKey:
    def test_s42_has_the_issuer_asked_once_in_a_while_however_many_tokens_name_one(
        self, issuer: Issuer, urls: dict[str, str]
    ) -> None:
        refused(urls["keys"], token("unknown", STRANGER))
        before = issuer.asked
        for number in range(10):
            refused(urls["keys"], token(f"unknown {number}", STRANGER))
        assert issuer.asked - before <= 2  # at most once in ten seconds, and once a minute unasked

    def test_s42_is_known_once_the_issuer_shows_it(self, settings: Settings) -> None:
        with issuing(public("rsa", KEY)) as issuer:
            hasty = replace(settings, auth=AuthSettings(jwks=issuer.url, jwks_at_least=0.0))
            with serving(hasty) as served, httpx.Client(base_url=served.url, timeout=10) as http:
                rotated = Client(http=http, token=token("new", STRANGER))
                assert rotated.post("{ __typename }").status_code == 401
                issuer.keys = [public("new", STRANGER)]
                assert rotated.ask("{ __typename }") == {"__typename": "Query"}
                withdrawn = Client(http=http, token=by_key())
                assert withdrawn.post("{ __typename }").status_code == 401


class TestTheEndOfAToken:
    """A token is taken for ten seconds more than it says, since clocks differ; these have five of them left."""

    @pytest.mark.parametrize("way", ["secret", "keys"])
    def test_s47_closes_a_socket_with_a_subscription(self, way: str, urls: dict[str, str], staff: Client) -> None:
        order = staff.ordered(staff.registered(), staff.added())
        sign = issued if way == "secret" else by_key
        with connected(urls[way], sign(exp=ago(seconds=5))) as socket:
            socket.subscribe("1", CHANGED, id=order)
            assert socket.next()["data"] == {"orderChanged": {"id": order}}
            assert socket.closed() == (4403, EXPIRED)

    @pytest.mark.parametrize("way", ["secret", "keys"])
    def test_s47_ends_a_stream_of_events(self, way: str, urls: dict[str, str], staff: Client) -> None:
        order = staff.ordered(staff.registered(), staff.added())
        sign = issued if way == "secret" else by_key
        with following(urls[way], sign(exp=ago(seconds=5)), CHANGED, id=order) as events:
            shown = list(events)
        end = {"message": EXPIRED, "extensions": {"code": "UNAUTHENTICATED"}}
        assert [name for name, _ in shown] == ["next", "next", "complete"]
        assert shown[0][1]["data"] == {"orderChanged": {"id": order}}
        assert shown[1][1] == {"data": None, "errors": [end]}


class TestAnAddress:
    @pytest.mark.parametrize("name", ["Authorization", "authorization", "token", "access_token"])
    def test_s46_is_no_place_for_a_token(self, name: str, urls: dict[str, str], staff: Client) -> None:
        order = staff.ordered(staff.registered(), staff.added())
        asked = {"query": f'{{ order(id: "{order}") {{ id }} }}', name: f"Bearer {issued()}"}
        [error] = httpx.get(f"{urls['secret']}/graphql", params=asked).json()["errors"]
        assert error["extensions"]["code"] == "UNAUTHENTICATED"
