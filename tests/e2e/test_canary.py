"""S53: what is secret, and what customers tell, is in no log, answer, metric, message, argument or help; come what may.

Each setting and each text of a customer is a canary; then everything is done that makes a service talk.
"""

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import httpx
import psycopg
import pytest
import redis
from sqlalchemy import make_url

from api.auth import mint
from api.processes import stop
from api.settings import AuthSettings
from projections.catalogue import projections
from tests.conftest import free_port
from tests.support.client import document_of
from tests.support.operator import Operator
from tests.support.projecting import quarantined
from tests.support.running import Part, Running, children_of, eventually, servers

SECRETS = {
    "auth secret": "canary-auth-secret-of-more-than-32-bytes",
    "password of the write database": "canary-write-password",
    "password of the read database": "canary-read-password",
    "password of Redis": "canary-redis-password",
    "metrics token": "canary-metrics-token",
}
AUTH = AuthSettings(secret=SECRETS["auth secret"])
PERSONAL = {
    "name": "Canary Customer-Name",
    "other name": "Canary Other-Name",
    "e-mail": "canary.mail@example.com",
    "idempotency key": "canary-idempotency-key",
    "payment reference": "canary-payment-reference",
    "subject of a token": "canary-subject",
}


def signed(**claims: Any) -> str:
    return mint(AUTH, subject=PERSONAL["subject of a token"], role="staff", **claims)


TOKEN = signed()
BAD_TOKENS = {
    "with another key": mint(AuthSettings(secret="x" * 32), subject=PERSONAL["subject of a token"], role="staff"),
    "cut off": TOKEN[:-10],
    "of two parts": TOKEN.rpartition(".")[0],
    "of another realm": "canary-bad-token.canary-bad-token",
}
SIGNATURES = {f"token {how}": token.rpartition(".")[2] for how, token in BAD_TOKENS.items()} | {
    "token": TOKEN.rpartition(".")[2]
}
FOR_NOBODY = SECRETS | SIGNATURES
# What a customer is answered is the customer's own; all else is for operators, who need not know it.
FOR_CUSTOMERS = FOR_NOBODY | PERSONAL
NAMES = [projection.name for projection in projections()]
FORBID = f"alter table {{}} add constraint canary check (name <> '{PERSONAL['other name']}')"
PLACES = ("logs", "answers", "metrics", "Redis", "arguments", "help", "operator")


@dataclass(slots=True, kw_only=True)
class Seen:
    """All that whoever looks on may see, by where."""

    running: Running
    http: httpx.Client
    operator: Operator
    ports: Mapping[str, str]
    texts: dict[str, str] = field(default_factory=lambda: dict.fromkeys(PLACES, ""))

    def note(self, where: str, *texts: str) -> None:
        self.texts[where] += "\n".join(["", *texts])

    def send(self, body: Any, token: str | None = TOKEN, **headers: str) -> httpx.Response:
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        answer = self.http.post("/graphql", json=body, headers=headers)
        self.note("answers", str(answer.headers), answer.text)
        return answer

    def give(self, mutation: str, **given: Any) -> dict[str, Any]:
        answer = self.send({"query": document_of(mutation), "variables": {"input": given}}).json()
        return dict((answer.get("data") or {}).get(mutation) or {})

    @property
    def parts(self) -> list[Part]:
        return [*self.running.apis, *self.running.workers]

    def look(self) -> None:
        """Look at what is there at this moment."""
        for url in self.ports.values():
            text = httpx.get(url, headers={"Authorization": f"Bearer {SECRETS['metrics token']}"}).text
            assert "tandem_" in text
            self.note("metrics", text, httpx.get(url, headers={"Authorization": "Bearer no"}).text)
        self.note("answers", self.http.get("/readyz").text, self.http.get("/").text)
        self.note("Redis", *held(admin(self.running)))
        self.note("arguments", *map(arguments, self.parts))

    def operate(self, *arguments: str) -> None:
        _, said, errors = self.operator.tells(*arguments)
        self.note("help" if "--help" in arguments else "operator", said, errors)


def admin(running: Running) -> "redis.Redis":
    return redis.Redis.from_url(running.where.redis_url, password=SECRETS["password of Redis"], socket_timeout=5)


def held(client: "redis.Redis") -> Iterator[str]:
    """Yield all that Redis holds."""
    reads = {b"string": client.get, b"set": client.smembers, b"list": lambda key: client.lrange(key, 0, -1)}
    for key in client.scan_iter():
        read = reads.get(client.type(key), client.dump)
        yield f"{key!r}: {read(key)!r}"


def arguments(part: Part) -> str:
    pids = [part.process.pid, *children_of(part.process.pid)]
    return "\n".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in pids)


def with_password(url: str, name: str) -> str:
    return make_url(url).set(password=SECRETS[name]).render_as_string(hide_password=False)


@contextmanager
def production(folder: Path) -> Iterator[Seen]:
    with servers(folder) as running:
        running.redis().config_set("requirepass", SECRETS["password of Redis"])
        worker_port = free_port()
        running.environment |= {
            "TANDEM_ENVIRONMENT": "production",
            "TANDEM_WRITE_DATABASE_URL": with_password(running.where.write_url, "password of the write database"),
            "TANDEM_READ_DATABASE_URL": with_password(running.where.read_url, "password of the read database"),
            "TANDEM_REDIS_URL": running.wire.url.replace("://", f"://:{SECRETS['password of Redis']}@"),
            "TANDEM_AUTH_SECRET": SECRETS["auth secret"],
            "TANDEM_METRICS_TOKEN": SECRETS["metrics token"],
            "TANDEM_WORKER_METRICS_PORT": str(worker_port),
        }
        api = running.add_api("api.cli", "api")
        ports = {"api": f"{api.url}/metrics", "worker": f"http://127.0.0.1:{worker_port}/metrics"}
        operator = Operator(environment=running.environment)
        with httpx.Client(base_url=api.url, timeout=20) as http:
            yield Seen(running=running, http=http, operator=operator, ports=ports)
        operator.end()


def use(seen: Seen) -> None:
    """Give commands of which some are refused, and ask what is answered and what is not."""
    mail, key = PERSONAL["e-mail"], PERSONAL["idempotency key"]
    ada = {"name": PERSONAL["name"], "email": mail, "idempotencyKey": key}
    assert seen.give("registerUser", **ada)["__typename"] == "UserAccepted"
    assert seen.give("registerUser", **ada)["replayed"]
    assert seen.give("registerUser", **ada | {"idempotencyKey": None})["__typename"] == "AlreadyExists"
    assert seen.give("registerUser", **ada | {"name": ""})["__typename"] == "IdempotencyKeyReused"
    assert seen.give("registerUser", name=PERSONAL["other name"], email="o@example.com")["version"] == 1
    paid = seen.give("payOrder", orderId=str(UUID(int=7)), paymentReference=PERSONAL["payment reference"])
    assert paid["__typename"] == "NotFound"
    for token in BAD_TOKENS.values():
        assert seen.send({"query": "{ __typename }"}, token).status_code == 401
    for wrong in (f'{{ users(where: {{search: "{mail}"}}) {{ {key} }} }}', f'{{ "{mail}', "{ users { nodes { id } } }"):
        seen.send({"query": wrong, "variables": {"mail": mail}})
    seen.send([mail])
    seen.send({"query": "{ __typename }"}, **{"X-Request-Id": f"{mail} {key}"})
    seen.note("answers", seen.http.get("/graphql", params={"query": f'{{ "{mail}" }}'}).text)


def break_projections(seen: Seen) -> None:
    """Let one event be no fact, and another one a row that the store does not take."""
    with psycopg.connect(seen.running.where.write_url) as connection:
        data = {"userId": "7", "name": {PERSONAL["name"]: PERSONAL["e-mail"]}, "email": [PERSONAL["e-mail"]]}
        connection.execute(
            "update events set data = %s where data ->> 'name' = %s", (json.dumps(data), PERSONAL["name"])
        )
    with psycopg.connect(seen.running.where.read_url) as connection:
        connection.execute(FORBID.format("users_view"), prepare=False)
    seen.running.add_worker("api.cli", "worker")
    read_url = seen.running.where.read_url
    eventually(lambda: len(quarantined(read_url)) > len(NAMES), "both are set aside")


def break_commands(seen: Seen) -> None:
    """Let the write store refuse a row that the rules allow: a defect, which is logged whole."""
    with psycopg.connect(seen.running.where.write_url) as connection:
        connection.execute("delete from users where name = %s", (PERSONAL["other name"],))
        connection.execute(FORBID.format("users"), prepare=False)
    given = {"name": PERSONAL["other name"], "email": PERSONAL["e-mail"] + ".uk"}
    answer = seen.send({"query": document_of("registerUser"), "variables": {"input": given}}).json()
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INTERNAL_SERVER_ERROR"]


def break_redis(seen: Seen) -> None:
    """Change its password: nobody is let in any longer."""
    with admin(seen.running) as client:
        client.config_set("requirepass", "another")
        client.client_kill_filter(_type="normal", skipme=False)
    assert seen.give("registerUser", name="Bob", email="bob@example.com")["version"] == 1
    worker = seen.running.log(seen.running.workers[0])
    eventually(lambda: "sweep_projects_by_itself" in worker.read_text(), "the worker is turned away", said=worker)
    seen.operate("doctor")
    stop(seen.running.workers[0].process, signal.SIGTERM)
    seen.running.workers[0].restart()
    eventually(lambda: worker.read_text().count("onnect") > 1, "it says that it cannot connect", said=worker)
    with redis.Redis.from_url(seen.running.where.redis_url, password="another") as client:
        client.config_set("requirepass", SECRETS["password of Redis"])


def break_databases(seen: Seen) -> None:
    stop(seen.running.postgres.process, signal.SIGINT)
    assert seen.give("registerUser", name=PERSONAL["name"], email=PERSONAL["e-mail"]) == {}
    seen.send({"query": "{ products(first: 1) { nodes { name } } }"})
    for command in ("doctor", "migrate", "api", "worker"):
        seen.operate(command)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with production(tmp_path_factory.mktemp("canary") / "data") as found:
        use(found)
        found.note("Redis", *held(admin(found.running)))
        break_projections(found)
        break_commands(found)
        found.look()
        for command in ((), ("api",), ("worker",), ("up",), ("projections",)):
            found.operate(*command, "--help")
        for command in ("doctor", "projections status", "projections verify"):
            found.operate(*command.split())
        break_redis(found)
        break_databases(found)
        found.note("logs", *(found.running.log(part).read_text() for part in found.parts))
        yield found.texts


def canaries(text: str, of: Mapping[str, str]) -> list[str]:
    """Return the names of what stands in a text, also where it was escaped for a URL or for JSON."""
    plain = unquote(text)
    return [name for name, canary in of.items() if canary in text or canary in plain]


class TestCanaries:
    def test_are_looked_for_where_something_was_said(self, seen: dict[str, str]) -> None:
        assert {where: text.strip() != "" for where, text in seen.items()} == dict.fromkeys(PLACES, True)
        events = {"command", "unexpected_error", "stream_set_aside", "sweep_projects_by_itself"}
        assert {event for event in events if f'"event": "{event}"' not in seen["logs"]} == set()

    @pytest.mark.parametrize("where", PLACES)
    def test_of_secrets_are_nowhere(self, seen: dict[str, str], where: str) -> None:
        assert canaries(seen[where], FOR_NOBODY) == []

    @pytest.mark.parametrize("where", [where for where in PLACES if where != "answers"])
    def test_of_customers_are_in_their_answers_alone(self, seen: dict[str, str], where: str) -> None:
        assert canaries(seen[where], FOR_CUSTOMERS) == []

    def test_would_be_found(self) -> None:
        said = f"redis://:{SECRETS['password of Redis']}@host canary.mail%40example.com"
        assert canaries(said, FOR_CUSTOMERS) == ["password of Redis", "e-mail"]
