"""Variables of the environment, read one at a time; what is missing or malformed is told by its name."""

from collections.abc import Mapping
from ipaddress import ip_network

from redis.connection import parse_url
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

_LAST_PORT = 65_535
_LARGEST = 1_000_000_000


class ConfigurationError(ValueError):
    """A setting is missing or unusable; the message names it and says what to do."""


def most(environ: Mapping[str, str], name: str, default: int | None) -> int | None:
    value = environ.get(name)
    if not value:
        return default
    if value == "off":
        return None
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= _LARGEST:
        raise ConfigurationError(f"{name} must be a whole number above 0, or off.")
    return int(value)


def listed(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in environ.get(name, "").split(",") if each.strip())


def hosts(environ: Mapping[str, str]) -> tuple[str, ...]:
    given = listed(environ, "TANDEM_ALLOWED_HOSTS")
    if any("*" in host.removeprefix("*.") or ":" in host for host in given):
        raise ConfigurationError(
            "TANDEM_ALLOWED_HOSTS must be names without ports, such as api.example.com, or *.example.com."
        )
    return given


def networks(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    given = listed(environ, name)
    try:
        return tuple(str(ip_network(each)) for each in given)
    except ValueError as error:
        raise ConfigurationError(f"{name} must be addresses or networks, such as 10.0.0.7 or 10.0.0.0/8.") from error


def port(environ: Mapping[str, str], name: str) -> int | None:
    value = environ.get(name)
    if not value:
        return None
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= _LAST_PORT:
        raise ConfigurationError(f"{name} must be a port from 1 to {_LAST_PORT}.")
    return int(value)


def required(environ: Mapping[str, str], name: str) -> str:
    if value := environ.get(name):
        return value
    raise ConfigurationError(f"{name} is not set.")


def switch(environ: Mapping[str, str], name: str, default: str = "on") -> bool:
    value = environ.get(name) or default
    if value not in {"on", "off"}:
        raise ConfigurationError(f"{name} must be on or off.")
    return value == "on"


def database(environ: Mapping[str, str], name: str) -> str:
    value = required(environ, name)
    try:
        backend = make_url(value).get_backend_name()
    except (ArgumentError, ValueError):
        backend = None
    if backend not in {"postgresql", "postgres"}:
        raise ConfigurationError(f"{name} must be a URL like postgresql://user:password@host:5432/name.")
    return value.replace("postgres://", "postgresql://", 1)


def redis(environ: Mapping[str, str], name: str) -> str:
    value = required(environ, name)
    try:
        parse_url(value)  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise ConfigurationError(f"{name} must be a URL like redis://host:6379/0.") from error
    return value
