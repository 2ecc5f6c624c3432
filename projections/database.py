"""Connections to the read store, and its migrations. Nothing in it is truth: all of it can be built again."""

from pathlib import Path

import orjson
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from domain import schema
from projections import checkpoints, states
from projections.catalogue import projections

MIGRATIONS = Path(__file__).parent / "migrations"
_CONNECT_SECONDS = 5


def query_engine(url: str, *, connections: int = 16) -> AsyncEngine:
    """Return an engine for queries: read-only, each statement a transaction of its own.

    Statements are planned for the very values they are sent with: which index is best depends on how rare a status, a
    word or a span of time is, and a plan for any value is the wrong one for some.
    """
    return create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        isolation_level="AUTOCOMMIT",
        pool_size=connections,
        max_overflow=0,
        pool_timeout=5,
        pool_use_lifo=True,
        connect_args={
            "timeout": _CONNECT_SECONDS,
            "server_settings": {
                "application_name": "tandem-queries",
                "default_transaction_read_only": "on",
                "plan_cache_mode": "force_custom_plan",
                "jit": "off",  # what it compiles takes longer than any of these statements
                "statement_timeout": "5000",
                "timezone": "UTC",
            },
        },
    )


def projection_engine(url: str, *, idle_seconds: int = 25, pre_ping: bool = True) -> Engine:
    """Return an engine for projecting: short transactions, which end where nothing happens in them for `idle_seconds`.

    Their commits do not wait for the disk. A crash takes rows and checkpoint back together, to be projected again.
    """
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
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


def is_migrated(connection: Connection) -> bool:
    return schema.at_head(connection, MIGRATIONS)
