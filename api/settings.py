"""Configuration, read from the environment at a process's entry and passed on from there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from redis.connection import parse_url
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from domain.money import Currency
from domain.settings import WriteSettings
from projections.settings import ReadSettings
from tasks import traces
from tasks.logs import LogFormat
from tasks.settings import MetricsSettings, QueueSettings, WorkerSettings

# Known to everybody who reads this file: for one's own machine only.
DEVELOPMENT_SECRET = "tandem-development-secret-for-this-machine-only"  # noqa: S105
SHORTEST_SECRET = 32  # bytes; RFC 7518, 3.2
_LAST_PORT = 65_535


class ConfigurationError(ValueError):
    """A setting is missing or unusable; the message names it and says what to do."""


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"
    """Refuses to start where that would not be safe, and tells strangers nothing about itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSettings:
    secret: str = field(default=DEVELOPMENT_SECRET, repr=False)
    issuer: str = "tandem"
    audience: str = "tandem"

    @property
    def development(self) -> bool:
        return self.secret == DEVELOPMENT_SECRET


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
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
    log_format: LogFormat = LogFormat.TEXT
    traces: bool = False

    @property
    def in_production(self) -> bool:
        return self.environment is Environment.PRODUCTION

    @property
    def worker(self) -> WorkerSettings:
        return WorkerSettings(
            write=self.write,
            read=self.read,
            queue=self.queue,
            metrics=self.metrics,
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
            auth=AuthSettings(secret=_secret(environ)) if in_production else auth_from_environment(environ),
            trusted_documents=Path(path) if (path := environ.get("TANDEM_TRUSTED_DOCUMENTS")) else None,
            compiled_reads=_switch(environ, "TANDEM_COMPILED_READS"),
            environment=environment,
            metrics=MetricsSettings(
                token=environ.get("TANDEM_METRICS_TOKEN") or None,
                worker_port=_port(environ, "TANDEM_WORKER_METRICS_PORT"),
            ),
            traces=_traces(environ),
            log_format=_log_format(environ, LogFormat.JSON if in_production else LogFormat.TEXT),
        )
        if _place(settings.write.database_url) == _place(settings.read.database_url):
            raise ConfigurationError(
                "TANDEM_WRITE_DATABASE_URL and TANDEM_READ_DATABASE_URL must be two databases: create another one."
            )
        return settings


def auth_from_environment(environ: Mapping[str, str]) -> AuthSettings:
    secret = _secret(environ)
    if len(secret.encode()) < SHORTEST_SECRET:
        raise ConfigurationError(f"TANDEM_AUTH_SECRET must have at least {SHORTEST_SECRET} bytes.")
    return AuthSettings(secret=secret)


def _secret(environ: Mapping[str, str]) -> str:
    return environ.get("TANDEM_AUTH_SECRET", DEVELOPMENT_SECRET)


def _environment(environ: Mapping[str, str]) -> Environment:
    name = environ.get("TANDEM_ENVIRONMENT") or Environment.DEVELOPMENT
    if name not in list(Environment):
        raise ConfigurationError(f"TANDEM_ENVIRONMENT must be {' or '.join(Environment)}.")
    return Environment(name)


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
