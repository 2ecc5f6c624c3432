"""Separate roles of PostgreSQL: one writes by commands, one projects, one reads; each may do its part and no more."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from domain import schema
from domain.schema import SchemaError

_ARE_THERE = text("select rolname from pg_roles where rolname = any(:names)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """As whom to connect; without a password where the server asks for none."""

    name: str
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logins:
    """Who writes by commands, who projects and who reads: three roles."""

    commands: Login
    projections: Login
    reads: Login

    @property
    def all(self) -> tuple[Login, ...]:
        return self.commands, self.projections, self.reads


def as_login(url: str, login: Login | None) -> str:
    """Return the URL of a database for a login; without one, as it is."""
    if login is None:
        return url
    whole = make_url(url)._replace(username=login.name, password=login.password)  # `set` would leave another's password
    return whole.render_as_string(hide_password=False)


def give(url: str, logins: Logins, rights: Sequence[str]) -> None:
    """Create the roles that are missing, and give them their rights in a database; all of it, or nothing.

    Raises SchemaError where whoever the URL names may not.
    """
    with schema.engine(url).connect() as connection:
        try:
            with connection.begin():
                schema.lock(connection)
                _create(connection, logins)
                for right in rights:
                    connection.exec_driver_sql(right.replace("%", "%%"))
        except DBAPIError as error:
            reason = str(error.orig).splitlines()[0]
            raise SchemaError(
                f"The roles of TANDEM_COMMANDS_LOGIN, TANDEM_PROJECTIONS_LOGIN and TANDEM_READS_LOGIN could not be "
                f"given their rights in {connection.engine.url.database}: {reason}. Let somebody who may run what "
                "`tandem roles` prints, then migrate again."
            ) from error


def create(logins: Logins) -> list[str]:
    """Return the SQL that creates the roles; who runs it then gives them their passwords."""
    return [f"create role {quoted(login.name)} login" for login in logins.all]


def entry(url: str, *, may: Iterable[Login], everybody: Logins) -> list[str]:
    """Return the SQL that lets some of the roles into a database, and nobody who is not named."""
    database = quoted(str(make_url(url).database))
    allowed = names(*may)
    return [
        f"revoke all on database {database} from public, {names(*everybody.all)}",
        f"grant connect on database {database} to {allowed}",
        "revoke create on schema public from public",
        f"revoke all on schema public from {names(*everybody.all)}",
        f"grant usage on schema public to {allowed}",
    ]


def names(*logins: Login) -> str:
    return ", ".join(quoted(login.name) for login in logins)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _create(connection: Connection, logins: Logins) -> None:
    """Create what is missing, and let whoever does so act as the one that owns the read tables."""
    there = set(connection.execute(_ARE_THERE, {"names": [login.name for login in logins.all]}).scalars())
    for login, sql in zip(logins.all, create(logins), strict=True):
        if login.name not in there:
            connection.exec_driver_sql(f"{sql}{_password(connection, login)}")
    owner = literal(logins.projections.name)
    if not connection.exec_driver_sql(f"select pg_has_role({owner}, 'usage')").scalar_one():
        connection.exec_driver_sql(f"grant {quoted(logins.projections.name)} to current_user")


def _password(connection: Connection, login: Login) -> str:
    """Return a password as the server keeps it, so that what it logs of statements does not have it."""
    if login.password is None:
        return ""
    driver: Any = connection.connection.driver_connection
    kept = driver.pgconn.encrypt_password(login.password.encode(), login.name.encode(), b"scram-sha-256")
    return f" password {literal(kept.decode())}"
