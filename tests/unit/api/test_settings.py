"""Settings from the environment: whole, or an error that names the variable and says what to do."""

import re
from pathlib import Path

import pytest

from api.auth import mint
from api.checks import Verdict, signing
from api.settings import AuthSettings, ConfigurationError, LimitSettings, Settings, auth_from_environment
from domain.roles import Login, Logins
from domain.settings import WriteSettings
from projections.settings import ReadSettings
from tasks import traces
from tasks.logs import LogFormat
from tasks.settings import MetricsSettings, QueueSettings, WorkerSettings

WRITE, READ = "postgresql://ada:pw@db:5432/write", "postgresql:///read?host=/run/postgresql"
REDIS = "redis://cache:6379/0"
ENVIRONMENT = {
    "TANDEM_WRITE_DATABASE_URL": WRITE,
    "TANDEM_READ_DATABASE_URL": READ,
    "TANDEM_REDIS_URL": REDIS,
}
SECRET = "s" * 32
README = Path(__file__).parents[3] / "README.md"
DATABASES = ["TANDEM_WRITE_DATABASE_URL", "TANDEM_READ_DATABASE_URL"]


def read(**other: str) -> Settings:
    return Settings.from_environment(ENVIRONMENT | other)


def refusal(**other: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(**other)
    return str(caught.value)


class TestFromEnvironment:
    def test_takes_each_variable_to_its_side(self) -> None:
        assert read(TANDEM_AUTH_SECRET=SECRET, HOME="/root") == Settings(
            write=WriteSettings(database_url=WRITE),
            read=ReadSettings(database_url=READ),
            queue=QueueSettings(redis_url=REDIS),
            auth=AuthSettings(secret=SECRET, issuer="tandem", audience="tandem"),
        )

    def test_takes_a_manifest_of_trusted_documents(self) -> None:
        assert read(TANDEM_TRUSTED_DOCUMENTS="manifest.json").trusted_documents == Path("manifest.json")
        assert read(TANDEM_TRUSTED_DOCUMENTS="").trusted_documents is None

    def test_logs_as_it_is_told_or_as_machines_read_it_in_production(self) -> None:
        production = {"TANDEM_ENVIRONMENT": "production"}
        assert read().log_format is LogFormat.TEXT
        assert read(**production).log_format is LogFormat.JSON
        assert read(**production, TANDEM_LOG_FORMAT="text").worker.log_format is LogFormat.TEXT
        assert refusal(TANDEM_LOG_FORMAT="xml") == "TANDEM_LOG_FORMAT must be text or json."

    def test_traces_where_it_is_told_to_and_can(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert not read().traces
        assert not read(TANDEM_TRACES="off").traces
        monkeypatch.setattr(traces, "find_spec", lambda _: None)
        assert refusal(TANDEM_TRACES="on") == (
            "TANDEM_TRACES is on, and OpenTelemetry is not installed: pip install 'tandem[otel]'."
        )
        monkeypatch.setattr(traces, "find_spec", lambda _: "there")
        assert read(TANDEM_TRACES="on").worker.traces

    def test_gives_a_worker_all_but_the_secret(self) -> None:
        settings = read(TANDEM_AUTH_SECRET=SECRET)
        assert settings.worker == WorkerSettings(write=settings.write, read=settings.read, queue=settings.queue)

    def test_takes_the_old_spelling_of_a_database(self) -> None:
        assert read(TANDEM_WRITE_DATABASE_URL="postgres://db/write").write.database_url == "postgresql://db/write"

    @pytest.mark.parametrize("url", ["rediss://cache:6380/1", "unix:///run/redis.sock?db=1"])
    def test_takes_each_kind_of_redis(self, url: str) -> None:
        assert read(TANDEM_REDIS_URL=url).queue == QueueSettings(redis_url=url)

    @pytest.mark.parametrize("name", ENVIRONMENT)
    def test_names_a_variable_that_is_missing_or_empty(self, name: str) -> None:
        without = {key: value for key, value in ENVIRONMENT.items() if key != name}
        with pytest.raises(ConfigurationError, match=f"^{name} is not set.$"):
            Settings.from_environment(without)
        assert refusal(**{name: ""}) == f"{name} is not set."

    @pytest.mark.parametrize("name", DATABASES)
    @pytest.mark.parametrize(
        "url", ["write", "mysql://db/write", "sqlite:///write.db", "postgresql", "://", "postgresql://db:port/write"]
    )
    def test_says_how_a_database_is_written(self, name: str, url: str) -> None:
        expected = f"{name} must be a URL like postgresql://user:password@host:5432/name."
        assert refusal(**{name: url}) == expected

    @pytest.mark.parametrize("url", ["cache:6379", "http://cache", "amqp://cache", "REDIS", "redis://cache:port/0"])
    def test_says_how_redis_is_written(self, url: str) -> None:
        assert refusal(TANDEM_REDIS_URL=url) == "TANDEM_REDIS_URL must be a URL like redis://host:6379/0."

    @pytest.mark.parametrize("spelt", ["postgresql://db/one", "postgres://db:5432/one", "postgresql://ada:pw@db/one"])
    def test_refuses_one_database_for_both_stores(self, spelt: str) -> None:
        both = {"TANDEM_WRITE_DATABASE_URL": "postgresql://db/one", "TANDEM_READ_DATABASE_URL": spelt}
        assert refusal(**both) == (
            "TANDEM_WRITE_DATABASE_URL and TANDEM_READ_DATABASE_URL must be two databases: create another one."
        )

    @pytest.mark.parametrize(("given", "currency"), [({}, "USD"), ({"TANDEM_CURRENCY": "JPY"}, "JPY")])
    def test_takes_a_currency_us_dollars_unless_told(self, given: dict[str, str], currency: str) -> None:
        assert read(**given).write == WriteSettings(database_url=WRITE, currency=currency)

    def test_takes_what_is_empty_for_what_is_not_set(self) -> None:
        listed = re.findall(r"TANDEM_[A-Z_]+\b", README.read_text())
        optional = set(listed) - ENVIRONMENT.keys()
        assert {"TANDEM_CURRENCY", "TANDEM_AUTH_SECRET", "TANDEM_RATE_LIMIT", "TANDEM_READS_LOGIN"} <= optional
        assert read(**dict.fromkeys(optional, "")) == read()

    @pytest.mark.parametrize("code", ["usd", "DOLLARS", "XXX", "XAU"])
    def test_refuses_what_is_no_currency(self, code: str) -> None:
        expected = "TANDEM_CURRENCY must be a code of ISO 4217, such as USD, EUR or JPY."
        assert refusal(TANDEM_CURRENCY=code) == expected

    @pytest.mark.parametrize("secret", ["s" * 31, "short"])
    def test_refuses_a_short_secret_and_does_not_repeat_it(self, secret: str) -> None:
        assert refusal(TANDEM_AUTH_SECRET=secret) == "TANDEM_AUTH_SECRET must have at least 32 bytes."


class TestAuth:
    def test_is_the_development_secret_unless_one_is_set(self) -> None:
        assert auth_from_environment({}) == AuthSettings()
        assert auth_from_environment({}).development
        assert not auth_from_environment({"TANDEM_AUTH_SECRET": SECRET}).development

    def test_counts_bytes_not_characters(self) -> None:
        assert auth_from_environment({"TANDEM_AUTH_SECRET": "\u00e9" * 16}).secret == "\u00e9" * 16

    def test_is_by_a_key_set_instead(self) -> None:
        found = read(TANDEM_AUTH_JWKS="https://issuer/keys.json", TANDEM_AUTH_SECRET="")
        assert found.auth == AuthSettings(jwks="https://issuer/keys.json")
        assert not found.auth.development
        with pytest.raises(ConfigurationError, match="tokens come from whoever has the private keys"):
            mint(found.auth, subject="ada", role="staff")

    def test_is_never_by_both(self) -> None:
        message = "TANDEM_AUTH_JWKS and TANDEM_AUTH_SECRET are both set: keep one of them."
        assert refusal(TANDEM_AUTH_JWKS="keys.json", TANDEM_AUTH_SECRET=SECRET) == message

    @pytest.mark.parametrize("source", ["file:///keys.json", "ftp://issuer/keys.json", "HTTP://issuer/keys.json"])
    def test_takes_keys_from_a_web_server_or_a_file(self, source: str) -> None:
        message = "TANDEM_AUTH_JWKS must be a URL like https://host/jwks.json, or the path of a file."
        assert refusal(TANDEM_AUTH_JWKS=source) == message

    def test_is_for_an_issuer_and_an_audience_of_ones_own(self) -> None:
        found = read(TANDEM_AUTH_ISSUER="https://issuer/", TANDEM_AUTH_AUDIENCE="shop")
        assert found.auth == AuthSettings(issuer="https://issuer/", audience="shop")
        assert read(TANDEM_AUTH_ISSUER="", TANDEM_AUTH_AUDIENCE="").auth == AuthSettings()

    def test_is_not_shown_where_settings_are(self) -> None:
        assert SECRET not in repr(read(TANDEM_AUTH_SECRET=SECRET))


LOGINS = {
    "TANDEM_COMMANDS_LOGIN": "writer",
    "TANDEM_PROJECTIONS_LOGIN": "projector:a:b@c",
    "TANDEM_READS_LOGIN": "reader:pw",
}


class TestLogins:
    def test_are_the_roles_that_each_part_connects_as(self) -> None:
        found = read(**LOGINS)
        assert found.for_commands == "postgresql://writer@db:5432/write"
        assert found.for_projections == (
            "postgresql://projector:a%3Ab%40c@db:5432/write",
            "postgresql://projector:a%3Ab%40c@/read?host=%2Frun%2Fpostgresql",
        )
        assert found.for_reads == (
            "postgresql://reader:pw@db:5432/write",
            "postgresql://reader:pw@/read?host=%2Frun%2Fpostgresql",
        )
        assert (found.write.database_url, found.read.database_url) == (WRITE, READ)

    def test_of_a_worker_are_those_for_projecting_and_for_pruning(self) -> None:
        worker = read(**LOGINS).worker
        assert worker.write.database_url == "postgresql://projector:a%3Ab%40c@db:5432/write"
        assert worker.read.database_url == "postgresql://projector:a%3Ab%40c@/read?host=%2Frun%2Fpostgresql"
        assert worker.pruning == WriteSettings(database_url="postgresql://writer@db:5432/write")

    def test_that_are_not_given_are_whoever_the_urls_name(self) -> None:
        found = read(TANDEM_READS_LOGIN="", TANDEM_COMMANDS_LOGIN="writer")
        assert (found.for_reads, found.for_projections) == ((WRITE, READ), (WRITE, READ))
        assert (found.for_commands, found.logins) == ("postgresql://writer@db:5432/write", None)

    def test_are_complete_or_none_for_who_gives_rights(self) -> None:
        assert read(**LOGINS).logins == Logins(
            commands=Login(name="writer"),
            projections=Login(name="projector", password="a:b@c"),
            reads=Login(name="reader", password="pw"),
        )

    def test_are_three_roles(self) -> None:
        message = (
            "TANDEM_COMMANDS_LOGIN, TANDEM_PROJECTIONS_LOGIN and TANDEM_READS_LOGIN must be three roles: "
            "what one may do, another may not."
        )
        assert refusal(**LOGINS | {"TANDEM_READS_LOGIN": "writer:pw"}) == message

    def test_have_a_name(self) -> None:
        assert refusal(TANDEM_READS_LOGIN=":pw") == "TANDEM_READS_LOGIN must be name or name:password."

    def test_do_not_show_their_passwords(self) -> None:
        assert "a:b@c" not in repr(read(**LOGINS))


class TestEnvironment:
    def test_is_development_unless_said_otherwise(self) -> None:
        assert [read().in_production, read(TANDEM_ENVIRONMENT="").in_production] == [False, False]
        assert read(TANDEM_ENVIRONMENT="production", TANDEM_AUTH_SECRET=SECRET).in_production

    def test_is_one_of_two(self) -> None:
        assert refusal(TANDEM_ENVIRONMENT="prod") == "TANDEM_ENVIRONMENT must be development or production."

    def test_of_production_is_not_safe_with_a_secret_that_is_empty(self) -> None:
        found = signing(read(TANDEM_ENVIRONMENT="production", TANDEM_AUTH_SECRET="").auth)
        assert (found.verdict, "it is not set" in found.said) == (Verdict.UNSAFE, True)

    def test_of_production_leaves_a_short_secret_to_the_check_of_all_that_is_unsafe(self) -> None:
        assert read(TANDEM_ENVIRONMENT="production", TANDEM_AUTH_SECRET="short").auth == AuthSettings(secret="short")


class TestMetrics:
    def test_have_a_token_and_a_port_for_workers_or_not(self) -> None:
        assert read().metrics == MetricsSettings(token=None, worker_port=None)
        assert read(TANDEM_METRICS_TOKEN="t", TANDEM_WORKER_METRICS_PORT="9101").worker.metrics == MetricsSettings(
            token="t", worker_port=9101
        )

    @pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "\N{SUPERSCRIPT TWO}"])
    def test_have_a_port_that_is_one(self, port: str) -> None:
        said = "TANDEM_WORKER_METRICS_PORT must be a port from 1 to 65535."
        assert refusal(TANDEM_WORKER_METRICS_PORT=port) == said


class TestLimits:
    def test_are_none_for_development(self) -> None:
        assert read().limits == LimitSettings()

    def test_are_there_in_production(self) -> None:
        assert read(TANDEM_ENVIRONMENT="production").limits == LimitSettings(
            rate=600_000, streams_of_an_address=20, hosts=(), origins=frozenset(), proxies=()
        )

    def test_are_what_is_said(self) -> None:
        said = read(
            TANDEM_RATE_LIMIT="500",
            TANDEM_STREAMS_PER_ADDRESS="7",
            TANDEM_ALLOWED_HOSTS="api.example.com, *.example.org",
            TANDEM_ALLOWED_ORIGINS="https://shop.example.com",
            TANDEM_TRUSTED_PROXIES="10.0.0.7, 10.1.0.0/16, ::1",
        )
        assert said.limits == LimitSettings(
            rate=500,
            streams_of_an_address=7,
            hosts=("api.example.com", "*.example.org"),
            origins=frozenset({"https://shop.example.com"}),
            proxies=("10.0.0.7/32", "10.1.0.0/16", "::1/128"),
        )

    def test_can_be_off(self) -> None:
        off = read(TANDEM_ENVIRONMENT="production", TANDEM_RATE_LIMIT="off", TANDEM_STREAMS_PER_ADDRESS="off")
        assert (off.limits.rate, off.limits.streams_of_an_address) == (None, None)

    @pytest.mark.parametrize("name", ["TANDEM_RATE_LIMIT", "TANDEM_STREAMS_PER_ADDRESS"])
    @pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "9999999999"])
    def test_that_are_no_numbers_are_refused(self, name: str, value: str) -> None:
        assert refusal(**{name: value}) == f"{name} must be a whole number above 0, or off."

    @pytest.mark.parametrize("value", ["api.example.com:443", "*", "api.*.com", "https://api.example.com"])
    def test_of_hosts_are_names(self, value: str) -> None:
        assert refusal(TANDEM_ALLOWED_HOSTS=value) == (
            "TANDEM_ALLOWED_HOSTS must be names without ports, such as api.example.com, or *.example.com."
        )

    @pytest.mark.parametrize("value", ["*", "proxy", "10.0.0.300", "10.0.0.1/8"])
    def test_of_proxies_are_addresses(self, value: str) -> None:
        assert refusal(TANDEM_TRUSTED_PROXIES=value) == (
            "TANDEM_TRUSTED_PROXIES must be addresses or networks, such as 10.0.0.7 or 10.0.0.0/8."
        )
