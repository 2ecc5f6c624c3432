"""Configuration, read from the environment at a process's entry and passed on from there."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.engine import make_url

from api import variables
from api.variables import ConfigurationError as ConfigurationError  # noqa: PLC0414 - it belongs to both
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
RATE = 600_000
"""What a sender may ask for in a minute in production: sixty of the dearest documents, or 3,000 pages of 20 rows."""
STREAMS_OF_AN_ADDRESS = 20


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

        What is empty counts as not set. That a secret is too short is said at once, but in production, where it is told
        with all else that is unsafe.
        """
        environment = _environment(environ)
        in_production = environment is Environment.PRODUCTION
        settings = cls(
            write=WriteSettings(
                database_url=variables.database(environ, "TANDEM_WRITE_DATABASE_URL"), currency=_currency(environ)
            ),
            read=ReadSettings(database_url=variables.database(environ, "TANDEM_READ_DATABASE_URL")),
            queue=QueueSettings(redis_url=variables.redis(environ, "TANDEM_REDIS_URL")),
            auth=_auth(environ) if in_production else auth_from_environment(environ),
            trusted_documents=Path(path) if (path := environ.get("TANDEM_TRUSTED_DOCUMENTS")) else None,
            compiled_reads=variables.switch(environ, "TANDEM_COMPILED_READS"),
            environment=environment,
            metrics=MetricsSettings(
                token=environ.get("TANDEM_METRICS_TOKEN") or None,
                worker_port=variables.port(environ, "TANDEM_WORKER_METRICS_PORT"),
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
        secret=DEVELOPMENT_SECRET if jwks else environ.get("TANDEM_AUTH_SECRET") or DEVELOPMENT_SECRET,
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
    origins = variables.listed(environ, "TANDEM_ALLOWED_ORIGINS")
    return LimitSettings(
        rate=variables.most(environ, "TANDEM_RATE_LIMIT", RATE if in_production else None),
        streams_of_an_address=variables.most(
            environ, "TANDEM_STREAMS_PER_ADDRESS", STREAMS_OF_AN_ADDRESS if in_production else None
        ),
        hosts=variables.hosts(environ),
        origins=frozenset(origins) if origins or in_production else None,
        proxies=variables.networks(environ, "TANDEM_TRUSTED_PROXIES"),
    )


def _log_format(environ: Mapping[str, str], default: LogFormat) -> LogFormat:
    name = environ.get("TANDEM_LOG_FORMAT") or default
    if name not in list(LogFormat):
        raise ConfigurationError(f"TANDEM_LOG_FORMAT must be {' or '.join(LogFormat)}.")
    return LogFormat(name)


def _traces(environ: Mapping[str, str]) -> bool:
    on = variables.switch(environ, "TANDEM_TRACES", "off")
    if on and not traces.installed():
        raise ConfigurationError("TANDEM_TRACES is on, and OpenTelemetry is not installed: pip install 'tandem[otel]'.")
    return on


def _currency(environ: Mapping[str, str]) -> str:
    code = environ.get("TANDEM_CURRENCY") or "USD"
    try:
        return Currency.of(code).code
    except ValueError as error:
        raise ConfigurationError("TANDEM_CURRENCY must be a code of ISO 4217, such as USD, EUR or JPY.") from error


def _place(database_url: str) -> tuple[object, ...]:
    url = make_url(database_url)
    return url.host, url.port or 5432, url.database, url.query.get("host")
