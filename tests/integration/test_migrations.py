"""Migrations lead to the tables that the models describe, once, whoever runs them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine, make_url
from sqlalchemy.pool import NullPool

import domain.database
import projections.database
from api.settings import Settings
from domain.schema import SchemaError
from domain.tables import WriteTable
from projections.catalogue import ReadTable
from tests.support import databases


class Store(NamedTuple):
    migrate: Callable[[str], list[str]]
    migrations: Path
    metadata: MetaData
    url: Callable[[Settings], str]


STORES = [
    pytest.param(
        Store(
            domain.database.migrate,
            domain.database.MIGRATIONS,
            WriteTable.metadata,
            lambda settings: settings.write.database_url,
        ),
        id="write",
    ),
    pytest.param(
        Store(
            projections.database.migrate,
            projections.database.MIGRATIONS,
            ReadTable.metadata,
            lambda settings: settings.read.database_url,
        ),
        id="read",
    ),
]


def revisions(store: Store) -> list[str]:
    """Return all revisions of a store, oldest first."""
    return [step.revision for step in ScriptDirectory(str(store.migrations)).walk_revisions()][::-1]


@pytest.mark.parametrize("store", STORES)
class TestMigrations:
    def test_of_newer_code_are_not_touched(self, store: Store, fresh: Settings) -> None:
        table = f"{store.migrations.parent.name}_revision"
        with psycopg.connect(store.url(fresh), autocommit=True) as connection:
            connection.execute(f"update {table} set version_num = '9999'".encode())
            with pytest.raises(SchemaError, match="is at revision 9999, which this code does not know"):
                store.migrate(store.url(fresh))
            assert connection.execute(f"select version_num from {table}".encode()).fetchall() == [("9999",)]

    def test_agree_with_the_models(self, store: Store, fresh: Settings) -> None:
        engine = create_engine(make_url(store.url(fresh)).set(drivername="postgresql+psycopg"), poolclass=NullPool)
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection,
                opts={
                    "compare_type": True,
                    "compare_server_default": True,
                    "version_table": f"{store.migrations.parent.name}_revision",
                },
            )
            assert compare_metadata(context, store.metadata) == []

    def test_are_applied_once(self, store: Store, settings: Settings) -> None:
        with databases.fresh(settings, migrated=False) as empty:
            assert store.migrate(store.url(empty)) == revisions(store)
            assert store.migrate(store.url(empty)) == []

    def test_are_applied_once_by_two_at_the_same_time(self, store: Store, settings: Settings) -> None:
        with databases.fresh(settings, migrated=False) as empty, ThreadPoolExecutor(2) as threads:
            applied = list(threads.map(store.migrate, [store.url(empty)] * 2))
        assert sorted(applied) == [[], revisions(store)]
