"""Configuration, read from the environment at a process's entry and passed on from there."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple

from redis.connection import parse_url
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from domain.money import Currency
from domain.roles import Login, Logins, as_login
from domain.settings import WriteSettings
from projections.settings import ReadSettings
from tasks import traces
from tasks.logs import LogFormat
from tasks.settings import MetricsSettings, QueueSettings, WorkerSettings

# Known to everybody who reads this file: for one's own machine only.
DEVELOPMENT_SECRET = "tandem-development-secret-for-this-machine-only"  # noqa: S105
SHORTEST_SECRET = 32  # bytes; RFC 7518, 3.2
_LAST_PORT = 65_535
RATE = 600_000
"""What a sender may ask for in a minute in production: sixty of the dearest documents, or 3,000 pages of 20 rows."""
STREAMS_OF_AN_ADDRESS = 20
_LARGEST = 1_000_000_000


class ConfigurationError(ValueError):
    """A setting is missing or unusable; the message names it and says what to do."""


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"
    """Refuses to start where that would not be safe, and tells strangers nothing about itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSettings:
    """Tokens are signed with the secret, or, where there is a `jwks`, with a private key of it; never with either."""

    secret: str = field(default=DEVELOPMENT_SECRET, repr=False)
    jwks: str | None = None
    """The URL of a key set, or the path of a file."""
    jwks_every: float = 60.0
    """Seconds after which the key set is looked at again: for as long a key is taken that has been withdrawn."""
    jwks_at_least: float = 10.0
    """Seconds between two looks for keys that are not known."""
    issuer: str = "tandem"
    audience: str = "tandem"

    @property
    def development(self) -> bool:
        return self.jwks is None and self.secret == DEVELOPMENT_SECRET


class Urls(NamedTuple):
    """Both databases, for one role."""

    write: str
    read: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """Who may ask, and for how much; all of it is open where nothing is given."""

    rate: int | None = None
    """What one sender may ask for in a minute, as documents cost."""
    streams_of_an_address: int | None = None
    hosts: tuple[str, ...] = ()
    origins: frozenset[str] | None = None
    """Whose pages may open WebSockets, beside those of the host itself; None: all."""
    proxies: tuple[str, ...] = ()
    """Addresses and networks of whom X-Forwarded-For is believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Whoever the URLs of `write` and `read` name owns the stores, and does there what has no login of its own."""

    write: WriteSettings
    read: ReadSettings
    queue: QueueSettings
    auth: AuthSettings
    trusted_documents: Path | None = None
    """A manifest; None where clients may send what they like."""
    compiled_reads: bool = True
    """Whether queries that can be planned are; all are answered by Strawberry else."""
    environment: Environment = Environment.DEVELOPMENT
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    commands: Login | None = None
    projections: Login | None = None
    reads: Login | None = None

    @property
    def logins(self) -> Logins | None:
        """All three, as those need them who give them rights; None where one is missing, whose process this is not."""
        if self.commands is None or self.projections is None or self.reads is None:
            return None
        return Logins(commands=self.commands, projections=self.projections, reads=self.reads)

    @property
    def for_commands(self) -> str:
        """The write database, for those who change it."""
        return as_login(self.write.database_url, self.commands)

    @property
    def for_projections(self) -> Urls:
        return self._urls(self.projections)

    @property
    def for_reads(self) -> Urls:
        return self._urls(self.reads)

    def _urls(self, login: Login | None) -> Urls:
        return Urls(as_login(self.write.database_url, login), as_login(self.read.database_url, login))

    log_format: LogFormat = LogFormat.TEXT
    traces: bool = False

    @property
    def in_production(self) -> bool:
        return self.environment is Environment.PRODUCTION

    @property
    def worker(self) -> WorkerSettings:
        write, read = self.for_projections
        return WorkerSettings(
            write=replace(self.write, database_url=write),
            read=replace(self.read, database_url=read),
            queue=self.queue,
            metrics=self.metrics,
            pruning=replace(self.write, database_url=self.for_commands) if self.projections or self.commands else None,
            log_format=self.log_format,
            traces=self.traces,
        )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the TANDEM_* variables; raise ConfigurationError for what is missing or malformed.

        That a secret is too short is said at once, but in production, where it is told with all else that is unsafe.
        """
        environment = _environment(environ)
        in_production = environment is Environment.PRODUCTION
        settings = cls(
            write=WriteSettings(
                database_url=_database(environ, "TANDEM_WRITE_DATABASE_URL"), currency=_currency(environ)
            ),
            read=ReadSettings(database_url=_database(environ, "TANDEM_READ_DATABASE_URL")),
            queue=QueueSettings(redis_url=_redis(environ, "TANDEM_REDIS_URL")),
            auth=_auth(environ) if in_production else auth_from_environment(environ),
            trusted_documents=Path(path) if (path := environ.get("TANDEM_TRUSTED_DOCUMENTS")) else None,
            compiled_reads=_switch(environ, "TANDEM_COMPILED_READS"),
            environment=environment,
            metrics=MetricsSettings(
                token=environ.get("TANDEM_METRICS_TOKEN") or None,
                worker_port=_port(environ, "TANDEM_WORKER_METRICS_PORT"),
            ),
            limits=_limits(environ, in_production=in_production),
            commands=_login(environ, "TANDEM_COMMANDS_LOGIN"),
            projections=_login(environ, "TANDEM_PROJECTIONS_LOGIN"),
            reads=_login(environ, "TANDEM_READS_LOGIN"),
            traces=_traces(environ),
            log_format=_log_format(environ, LogFormat.JSON if in_production else LogFormat.TEXT),
        )
        if _place(settings.write.database_url) == _place(settings.read.database_url):
            raise ConfigurationError(
                "TANDEM_WRITE_DATABASE_URL and TANDEM_READ_DATABASE_URL must be two databases: create another one."
            )
        if settings.logins and len({login.name for login in settings.logins.all}) < len(settings.logins.all):
            raise ConfigurationError(
                "TANDEM_COMMANDS_LOGIN, TANDEM_PROJECTIONS_LOGIN and TANDEM_READS_LOGIN must be three roles: "
                "what one may do, another may not."
            )
        return settings


def auth_from_environment(environ: Mapping[str, str]) -> AuthSettings:
    auth = _auth(environ)
    if len(auth.secret.encode()) < SHORTEST_SECRET:
        raise ConfigurationError(f"TANDEM_AUTH_SECRET must have at least {SHORTEST_SECRET} bytes.")
    return auth


def _auth(environ: Mapping[str, str]) -> AuthSettings:
    """Read how tokens are checked, in one way: whoever knows a public key could sign with it, were it a secret too."""
    jwks = environ.get("TANDEM_AUTH_JWKS") or None
    if jwks and environ.get("TANDEM_AUTH_SECRET"):
        raise ConfigurationError("TANDEM_AUTH_JWKS and TANDEM_AUTH_SECRET are both set: keep one of them.")
    if jwks and "://" in jwks and not jwks.startswith(("https://", "http://")):
        raise ConfigurationError("TANDEM_AUTH_JWKS must be a URL like https://host/jwks.json, or the path of a file.")
    return AuthSettings(
        secret=DEVELOPMENT_SECRET if jwks else environ.get("TANDEM_AUTH_SECRET", DEVELOPMENT_SECRET),
        jwks=jwks,
        issuer=environ.get("TANDEM_AUTH_ISSUER") or "tandem",
        audience=environ.get("TANDEM_AUTH_AUDIENCE") or "tandem",
    )


def _login(environ: Mapping[str, str], variable: str) -> Login | None:
    name, _, password = environ.get(variable, "").partition(":")
    if password and not name:
        raise ConfigurationError(f"{variable} must be name or name:password.")
    return Login(name=name, password=password or None) if name else None


def _environment(environ: Mapping[str, str]) -> Environment:
    name = environ.get("TANDEM_ENVIRONMENT") or Environment.DEVELOPMENT
    if name not in list(Environment):
        raise ConfigurationError(f"TANDEM_ENVIRONMENT must be {' or '.join(Environment)}.")
    return Environment(name)


def _limits(environ: Mapping[str, str], *, in_production: bool) -> LimitSettings:
    origins = _list(environ, "TANDEM_ALLOWED_ORIGINS")
    return LimitSettings(
        rate=_most(environ, "TANDEM_RATE_LIMIT", RATE if in_production else None),
        streams_of_an_address=_most(
            environ, "TANDEM_STREAMS_PER_ADDRESS", STREAMS_OF_AN_ADDRESS if in_production else None
        ),
        hosts=_hosts(environ),
        origins=frozenset(origins) if origins or in_production else None,
        proxies=_networks(environ, "TANDEM_TRUSTED_PROXIES"),
    )


def _most(environ: Mapping[str, str], name: str, default: int | None) -> int | None:
    value = environ.get(name)
    if not value:
        return default
    if value == "off":
        return None
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= _LARGEST:
        raise ConfigurationError(f"{name} must be a whole number above 0, or off.")
    return int(value)


def _list(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in environ.get(name, "").split(",") if each.strip())


def _hosts(environ: Mapping[str, str]) -> tuple[str, ...]:
    hosts = _list(environ, "TANDEM_ALLOWED_HOSTS")
    if any("*" in host.removeprefix("*.") or ":" in host for host in hosts):
        raise ConfigurationError(
            "TANDEM_ALLOWED_HOSTS must be names without ports, such as api.example.com, or *.example.com."
        )
    return hosts


def _networks(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    given = _list(environ, name)
    try:
        return tuple(str(ip_network(each)) for each in given)
    except ValueError as error:
        raise ConfigurationError(f"{name} must be addresses or networks, such as 10.0.0.7 or 10.0.0.0/8.") from error


def _log_format(environ: Mapping[str, str], default: LogFormat) -> LogFormat:
    name = environ.get("TANDEM_LOG_FORMAT") or default
    if name not in list(LogFormat):
        raise ConfigurationError(f"TANDEM_LOG_FORMAT must be {' or '.join(LogFormat)}.")
    return LogFormat(name)


def _port(environ: Mapping[str, str], name: str) -> int | None:
    value = environ.get(name)
    if not value:
        return None
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= _LAST_PORT:
        raise ConfigurationError(f"{name} must be a port from 1 to {_LAST_PORT}.")
    return int(value)


def _required(environ: Mapping[str, str], name: str) -> str:
    if value := environ.get(name):
        return value
    raise ConfigurationError(f"{name} is not set.")


def _traces(environ: Mapping[str, str]) -> bool:
    on = _switch(environ, "TANDEM_TRACES", "off")
    if on and not traces.installed():
        raise ConfigurationError("TANDEM_TRACES is on, and OpenTelemetry is not installed: pip install 'tandem[otel]'.")
    return on


def _switch(environ: Mapping[str, str], name: str, default: str = "on") -> bool:
    value = environ.get(name) or default
    if value not in {"on", "off"}:
        raise ConfigurationError(f"{name} must be on or off.")
    return value == "on"


def _database(environ: Mapping[str, str], name: str) -> str:
    value = _required(environ, name)
    try:
        backend = make_url(value).get_backend_name()
    except (ArgumentError, ValueError):
        backend = None
    if backend not in {"postgresql", "postgres"}:
        raise ConfigurationError(f"{name} must be a URL like postgresql://user:password@host:5432/name.")
    return value.replace("postgres://", "postgresql://", 1)


def _currency(environ: Mapping[str, str]) -> str:
    code = environ.get("TANDEM_CURRENCY", "USD")
    try:
        return Currency.of(code).code
    except ValueError as error:
        raise ConfigurationError("TANDEM_CURRENCY must be a code of ISO 4217, such as USD, EUR or JPY.") from error


def _place(database_url: str) -> tuple[object, ...]:
    url = make_url(database_url)
    return url.host, url.port or 5432, url.database, url.query.get("host")


def _redis(environ: Mapping[str, str], name: str) -> str:
    value = _required(environ, name)
    try:
        parse_url(value)  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise ConfigurationError(f"{name} must be a URL like redis://host:6379/0.") from error
    return value
