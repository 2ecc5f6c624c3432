"""Connections to the write store, and its migrations.

Commands hold the lock of a log head until they commit, so every connection they use gives up soon.
"""

from argparse import Namespace
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

MIGRATIONS = Path(__file__).parent / "migrations"

# Milliseconds. A command that waits longer than these would hold up its whole partition.
COMMAND_LIMITS = {
    "lock_timeout": "2000",
    "statement_timeout": "5000",
    "idle_in_transaction_session_timeout": "10000",
    "synchronous_commit": "on",
    "timezone": "UTC",
}
_CONNECT_SECONDS = 5
_MIGRATION_LOCK = 0x7A6D


def command_engine(url: str, *, connections: int = 16) -> AsyncEngine:
    return create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=5,
        pool_use_lifo=True,
        connect_args={
            "timeout": _CONNECT_SECONDS,
            "server_settings": {**COMMAND_LIMITS, "application_name": "tandem-commands"},
        },
    )


def log_engine(url: str) -> Engine:
    """Return an engine to read the log with; each statement is a transaction of its own, so nothing is held open."""
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
        pool_size=4,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "tandem-log",
            "options": "-c statement_timeout=10000 -c timezone=UTC -c default_transaction_read_only=on",
        },
    )


def maintenance_engine(url: str) -> Engine:
    """Return an engine to tidy up with: each statement is a transaction of its own, and keeps no command waiting long.

    It keeps no connection, since what it is for comes once an hour.
    """
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "tandem-maintenance",
            "options": "-c lock_timeout=1000 -c statement_timeout=5000 -c timezone=UTC",
        },
    )


def migrate(url: str) -> list[str]:
    """Bring the write store to the newest schema; return the revisions that were applied, oldest first."""
    return upgrade(url, MIGRATIONS)


def is_migrated(connection: Connection) -> bool:
    return at_head(connection, MIGRATIONS)


def upgrade(url: str, migrations: Path) -> list[str]:
    """Apply what is missing of a store's migrations, one process at a time."""
    with _migration_engine(url).begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        before = _applied(connection, migrations)
        command.upgrade(_configuration(migrations, connection), "head")
        return [revision for revision in _applied(connection, migrations) if revision not in before]


def draft(url: str, migrations: Path, message: str) -> Path:
    """Write a migration from what the models say beyond a migrated store; return its file, which is to be read."""
    script = ScriptDirectory(str(migrations))
    number = len(list(script.walk_revisions())) + 1
    with _migration_engine(url).begin() as connection:
        drafted = command.revision(
            _configuration(migrations, connection), message, autogenerate=True, rev_id=f"{number:04}"
        )
    if not isinstance(drafted, Script):
        raise TypeError("Alembic drafted several migrations where one was asked for.")
    return Path(drafted.path)


def at_head(connection: Connection, migrations: Path) -> bool:
    script = ScriptDirectory(str(migrations))
    return set(MigrationContext.configure(connection).get_current_heads()) == set(script.get_heads())


def _migration_engine(url: str) -> Engine:
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        poolclass=NullPool,
        connect_args={"connect_timeout": _CONNECT_SECONDS},
    )


def _applied(connection: Connection, migrations: Path) -> list[str]:
    heads = MigrationContext.configure(connection).get_current_heads()
    script = ScriptDirectory(str(migrations))
    return [step.revision for step in script.iterate_revisions(heads, "base")][::-1] if heads else []


def _configuration(migrations: Path, connection: Connection) -> Config:
    configuration = Config(attributes={"connection": connection}, cmd_opts=Namespace(quiet=True))
    configuration.set_main_option("script_location", str(migrations).replace("%", "%%"))
    return configuration
