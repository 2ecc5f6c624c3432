"""Connections to the read store, and its migrations. Nothing in it is truth: all of it can be built again."""

from pathlib import Path

import orjson
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from domain import schema
from projections import checkpoints, states
from projections.catalogue import projections

MIGRATIONS = Path(__file__).parent / "migrations"
_CONNECT_SECONDS = 5


def projection_engine(url: str, *, idle_seconds: int = 25, pre_ping: bool = True) -> Engine:
    """Return an engine for projecting: short transactions, which end where nothing happens in them for `idle_seconds`.

    Their commits do not wait for the disk. A crash takes rows and checkpoint back together, to be projected again.
    """
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        hide_parameters=True,  # errors are logged, and logs are no place for a person's data
        pool_size=4,
        pool_pre_ping=pre_ping,
        json_deserializer=orjson.loads,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "tandem-projections",
            "options": "-c lock_timeout=5000 -c statement_timeout=10000 "
            f"-c idle_in_transaction_session_timeout={1000 * idle_seconds} -c synchronous_commit=off -c timezone=UTC",
        },
    )


def patient_engine(url: str) -> Engine:
    """Return an engine for the operator: transactions that read a whole log before they end, one at a time."""
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        hide_parameters=True,  # errors are logged, and logs are no place for a person's data
        poolclass=NullPool,
        json_deserializer=orjson.loads,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "tandem-projections",
            "options": "-c lock_timeout=5000 -c statement_timeout=600000 "
            "-c idle_in_transaction_session_timeout=0 -c synchronous_commit=off -c timezone=UTC",
        },
    )


def migrate(url: str) -> list[str]:
    """Bring the read store to the newest schema, and every projection to its checkpoints; return what was applied."""
    applied = schema.upgrade(url, MIGRATIONS)
    engine = projection_engine(url)
    with engine.begin() as connection:
        states.ensure(connection, projections())
        checkpoints.ensure(connection, [projection.name for projection in projections()])
    engine.dispose()
    return applied


def schema_is_current(url: str) -> bool:
    """Return whether the read store is there and migrated; raise SQLAlchemyError where it cannot be reached."""
    with schema.engine(url).connect() as connection:
        return is_migrated(connection)


def is_migrated(connection: Connection) -> bool:
    return schema.at_head(connection, MIGRATIONS)
