"""`tandem doctor`, and a start in production: what is wrong is said part by part, with what to do, and all at once."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
import redis
from sqlalchemy import make_url

import domain.database
import projections.database
from api import checks, embedded, production
from api.checks import Verdict
from api.settings import AuthSettings, ConfigurationError, Environment, Settings
from domain.settings import WriteSettings
from projections.catalogue import projections as catalogue
from projections.settings import ReadSettings
from tasks.settings import QueueSettings
from tests.conftest import free_port, wait_for

NOWHERE = "postgresql://tandem@127.0.0.1:1/tandem"
UNREACHABLE = (
    'read database: The read database does not answer: connection failed: connection to server at "127.0.0.1", port 1 '
    "failed: Connection refused Is the server running on that host and accepting TCP/IP connections? Start it, or "
    "correct TANDEM_READ_DATABASE_URL."
)
REDIS_AWAY = (
    "Redis: it does not answer (ConnectionError). Commands go on without it. Start it, or correct TANDEM_REDIS_URL."
)
SYNCHRONOUS = "write database: synchronous_commit is off, so a crash takes back what was acknowledged. Run: {}"
NOT_MIGRATED = "it has not the schema of this code. Run: tandem migrate"
EVICTS = (
    "Redis: its maxmemory-policy is allkeys-lru, which drops messages in silence; it must be noeviction. "
    "Set it in its configuration, and now: redis-cli config set maxmemory-policy noeviction"
)


@pytest.fixture(scope="module")
def safe() -> Iterator[Settings]:
    """A production whose stores lose nothing."""
    with embedded.passing_stores() as running:
        domain.database.migrate(running.write_url)
        projections.database.migrate(running.read_url)
        yield Settings(
            write=WriteSettings(database_url=running.write_url),
            read=ReadSettings(database_url=running.read_url),
            queue=QueueSettings(redis_url=running.redis_url),
            auth=AuthSettings(secret="s" * 32),
            environment=Environment.PRODUCTION,
        )


@contextmanager
def evicting(settings: Settings) -> Iterator[None]:
    with redis.Redis.from_url(settings.queue.redis_url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        yield
        client.config_set("maxmemory-policy", "noeviction")


@contextmanager
def hasty(url: str) -> Iterator[str]:
    """Let commits of a database not wait for the disk; yield what mends that."""
    name = make_url(url).database
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"alter database {name} set synchronous_commit = 'off'".encode())
        yield f"alter database {name} set synchronous_commit = 'on'"
        connection.execute(f"alter database {name} reset synchronous_commit".encode())


@contextmanager
def empty(url: str) -> Iterator[str]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create database nothing_yet")
        yield make_url(url).set(database="nothing_yet").render_as_string(hide_password=False)
        connection.execute("drop database nothing_yet with (force)")


def environment(settings: Settings, **other: str) -> dict[str, str]:
    return os.environ | {
        "TANDEM_WRITE_DATABASE_URL": settings.write.database_url,
        "TANDEM_READ_DATABASE_URL": settings.read.database_url,
        "TANDEM_REDIS_URL": settings.queue.redis_url,
        "TANDEM_ENVIRONMENT": settings.environment,
        "TANDEM_AUTH_SECRET": settings.auth.secret,
        **other,
    }


def run(environ: dict[str, str], *arguments: str) -> tuple[int, list[str], str]:
    command = [sys.executable, "-m", "api.cli", *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr.strip()


def wrong(settings: Settings) -> list[str]:
    return [str(finding) for finding in checks.everything(settings) if finding.verdict is not Verdict.OK]


class TestDoctor:
    def test_looks_at_every_part_and_finds_nothing_wrong_where_all_is_well(self, safe: Settings) -> None:
        code, lines, error = run(environment(safe), "doctor")
        assert (code, [re.sub(r"\d+\.\d[.\d]*", "N", line) for line in lines], error) == (
            0,
            [
                "ok     TANDEM_AUTH_SECRET: of your own",
                "ok     write database: PostgreSQL N, migrated",
                "ok     clock of the write database: as that of this host",
                "ok     read database: PostgreSQL N, migrated",
                "ok     clock of the read database: as that of this host",
                "ok     Redis: Valkey N, noeviction",
                "ok     log heads: none is held for long",
                *(f"ok     {projection.name}: live, lag 0" for projection in catalogue()),
            ],
            "",
        )

    def test_says_what_is_wrong_and_its_exit_code_does_too(self, safe: Settings) -> None:
        code, lines, error = run(environment(safe, TANDEM_READ_DATABASE_URL=NOWHERE), "doctor")
        assert (code, [line for line in lines if not line.startswith("ok ")], error) == (
            1,
            [f"WRONG  {UNREACHABLE}"],
            "",
        )

    def test_says_what_to_set_where_nothing_is_configured(self, safe: Settings) -> None:
        code, lines, error = run(environment(safe, TANDEM_READ_DATABASE_URL=""), "doctor")
        assert (code, lines) == (2, [])
        assert error == "TANDEM_READ_DATABASE_URL must be set too: either all three URLs are set, or none."

    def test_tells_of_a_database_that_is_not_migrated(self, safe: Settings) -> None:
        with empty(safe.read.database_url) as url:
            assert wrong(replace(safe, read=ReadSettings(database_url=url))) == [
                "read database: its extension pg_trgm is missing. As one who may, run in it: create extension pg_trgm",
                f"read database: {NOT_MIGRATED}",
            ]
            assert wrong(replace(safe, write=WriteSettings(database_url=url))) == [f"write database: {NOT_MIGRATED}"]

    def test_tells_of_stores_that_may_lose_what_was_acknowledged(self, safe: Settings, settings: Settings) -> None:
        with hasty(safe.write.database_url) as mended, hasty(safe.read.database_url):  # the latter may be
            assert wrong(safe) == [SYNCHRONOUS.format(mended)]
        assert wrong(settings)[0] == (
            "write database: fsync is off, so a crash may ruin it. Set it to on in postgresql.conf, and reload that."
        )

    def test_tells_of_a_redis_that_drops_or_is_away(self, safe: Settings) -> None:
        with evicting(safe):
            assert wrong(safe) == [EVICTS]
        assert wrong(replace(safe, queue=QueueSettings(redis_url="redis://127.0.0.1:1/0"))) == [REDIS_AWAY]

    def test_tells_who_holds_a_head_and_how_to_end_that(self, safe: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checks, "_HELD_TOO_LONG", 0.0)
        with psycopg.connect(safe.write.database_url, application_name="a forgotten psql") as connection:
            assert wrong(safe) == []
            connection.execute("update log_heads set position = position where partition = 7")
            pid = connection.info.backend_pid
            [said] = wrong(safe)
            assert re.sub(r"for \d+ s", "for N s", said) == (
                f"log heads: process {pid} (a forgotten psql, idle in transaction) has held one for N s, and commands "
                f"wait for it. If it is not wanted, run in the write database: select pg_terminate_backend({pid})"
            )


class TestProduction:
    def test_is_refused_with_all_that_is_missing_at_once(self, safe: Settings) -> None:
        short = {"TANDEM_AUTH_SECRET": "short"}
        with evicting(safe), hasty(safe.write.database_url) as mended, empty(safe.read.database_url) as url:
            unmigrated = replace(safe, read=ReadSettings(database_url=url))
            refused = [
                run(environment(unmigrated, **short), *start)
                for start in (("api", "--port", str(free_port())), ("worker",))
            ]
        first = "Not started, since TANDEM_ENVIRONMENT is production, and this is not safe:"
        secret = "TANDEM_AUTH_SECRET: it has less than 32 bytes. Set it to the output of: openssl rand -base64 48"
        both = [
            SYNCHRONOUS.format(mended),
            "read database: its extension pg_trgm is missing. As one who may, run in it: create extension pg_trgm",
            f"read database: {NOT_MIGRATED}",
            EVICTS,
        ]
        assert refused == [
            (2, [], "\n* ".join([first, secret, *both])),
            (2, [], "\n* ".join([first, *both])),  # a worker signs nothing
        ]

    def test_starts_where_all_is_safe(self, safe: Settings) -> None:
        port = free_port()
        command = [sys.executable, "-m", "api.cli", "api", "--port", str(port)]
        with subprocess.Popen(command, env=environment(safe)) as process:
            wait_for(f"http://127.0.0.1:{port}/readyz", process)
            process.terminate()
            assert process.wait(20) == -signal.SIGTERM

    def test_starts_without_redis_which_commands_do_not_need(self, safe: Settings) -> None:
        production.check(replace(safe, queue=QueueSettings(redis_url="redis://127.0.0.1:1/0")))

    def test_does_not_start_with_the_secret_that_everybody_knows(self, safe: Settings) -> None:
        with pytest.raises(ConfigurationError, match="the default is known to everybody"):
            production.check(replace(safe, auth=AuthSettings()))

    def test_does_not_start_with_keys_that_come_over_plain_http(self, safe: Settings) -> None:
        with pytest.raises(ConfigurationError, match=r"\* TANDEM_AUTH_JWKS: whoever is on the way to http://issuer/k"):
            production.check(replace(safe, auth=AuthSettings(jwks="http://issuer/keys.json")))

    def test_starts_while_the_issuer_of_keys_is_away_as_those_may_come_later(self, safe: Settings) -> None:
        away = replace(safe, auth=AuthSettings(jwks="https://127.0.0.1:1/keys.json"))
        production.check(away)
        assert wrong(away)[0].startswith(
            "TANDEM_AUTH_JWKS: nobody can sign in, until it can be read. https://127.0.0.1:1/"
        )

    def test_is_not_asked_for_in_development(self, settings: Settings) -> None:
        production.check(settings)
