"""The schema of a store: brought up to date by migrations, drafted from its models. Each store has its own."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

_CONNECT_SECONDS = 5
_LOCK = 0x7A6D


class SchemaError(Exception):
    """A database is not at a revision that this code can work with; the message says what to do."""


def upgrade(url: str, migrations: Path) -> list[str]:
    """Apply what is missing of a store's migrations, one process at a time."""
    with engine(url).begin() as connection:
        lock(connection)
        before = _applied(connection, migrations)
        command.upgrade(_configuration(migrations, connection), "head")
        return [revision for revision in _applied(connection, migrations) if revision not in before]


def lock(connection: Connection) -> None:
    """Let nobody else change a schema or its rights until the end of the transaction."""
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def draft(url: str, migrations: Path, message: str) -> Path | None:
    """Write a migration from what the models say beyond a migrated store; return its file, None if they say no more."""
    script = ScriptDirectory(str(migrations))
    number = len(list(script.walk_revisions())) + 1
    with engine(url).begin() as connection:
        drafted = command.revision(
            _configuration(migrations, connection),
            message,
            autogenerate=True,
            rev_id=f"{number:04}",
            process_revision_directives=_drop_an_empty_one,
        )
    if drafted is None:
        return None
    if not isinstance(drafted, Script):
        raise TypeError("Alembic drafted several migrations where one was asked for.")
    return Path(drafted.path)


def _drop_an_empty_one(_context: object, _revision: object, drafts: list[Any]) -> None:
    if drafts[0].upgrade_ops.is_empty():
        drafts.clear()


def at_head(connection: Connection, migrations: Path) -> bool:
    script = ScriptDirectory(str(migrations))
    return set(_heads(connection, migrations)) == set(script.get_heads())


def engine(url: str) -> Engine:
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        hide_parameters=True,  # errors are logged, and logs are no place for a person's data
        poolclass=NullPool,
        connect_args={"connect_timeout": _CONNECT_SECONDS},
    )


def _applied(connection: Connection, migrations: Path) -> list[str]:
    heads = _heads(connection, migrations)
    script = ScriptDirectory(str(migrations))
    try:
        return [step.revision for step in script.iterate_revisions(heads, "base")][::-1] if heads else []
    except (CommandError, RevisionError) as error:
        raise SchemaError(
            f"The database {connection.engine.url.database} is at revision {', '.join(heads)}, which this code does "
            "not know: newer code has migrated it. Run that code, or give another database."
        ) from error


def _heads(connection: Connection, migrations: Path) -> tuple[str, ...]:
    return MigrationContext.configure(
        connection, opts={"version_table": _version_table(migrations)}
    ).get_current_heads()


def _version_table(migrations: Path) -> str:
    """Return where a store notes its revision: each in a table of its own, should they ever meet in one database."""
    return f"{migrations.parent.name}_revision"


def _configuration(migrations: Path, connection: Connection) -> Config:
    configuration = Config(
        attributes={"connection": connection, "version_table": _version_table(migrations)},
        cmd_opts=Namespace(quiet=True),
    )
    configuration.set_main_option("script_location", str(migrations).replace("%", "%%"))
    return configuration
