"""Who issues tokens: with private keys, whose public ones are shown over HTTP, by a server of its own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

Key = RSAPrivateKey | EllipticCurvePrivateKey


@cache
def rsa(name: str, bits: int = 2048) -> RSAPrivateKey:
    """Return a key of that name, the same one each time."""
    assert name
    return generate_rsa(65537, bits)


@cache
def ec(name: str) -> EllipticCurvePrivateKey:
    assert name
    return generate_private_key(SECP256R1())


def public(kid: Any, key: Key, **more: Any) -> dict[str, Any]:
    kind = RSAAlgorithm if isinstance(key, RSAPrivateKey) else ECAlgorithm
    return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, **more}


def claims(**other: Any) -> dict[str, Any]:
    """Return those of a staff token, changed by `other`; None takes one away."""
    now = datetime.now(UTC)
    staff = {
        "sub": "ada",
        "role": "staff",
        "iss": "tandem",
        "aud": "tandem",
        "iat": now,
        "exp": now + timedelta(hours=1),
    }
    return {name: value for name, value in {**staff, **other}.items() if value is not None}


def token(kid: str | None, key: Key, *, header: dict[str, Any] | None = None, **other: Any) -> str:
    algorithm = "RS256" if isinstance(key, RSAPrivateKey) else "ES256"
    names = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**other), key, algorithm=algorithm, headers={**names, **(header or {})})


class Issuer:
    """Shows `keys`; while it is `away`, it answers with an error."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}/keys.json"
        self.keys: list[dict[str, Any]] = []
        self.away = False
        self.asked = 0

    def shown(self) -> bytes:
        return json.dumps({"keys": self.keys}).encode()


@contextmanager
def issuing(*keys: dict[str, Any]) -> Iterator[Issuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            self.send_response(503 if issuer.away else 200)
            self.end_headers()
            self.wfile.write(b"" if issuer.away else issuer.shown())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer = Issuer(server)
        issuer.keys = list(keys)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
