"""Migrations lead to the tables that the models describe, once, whoever runs them."""

from collections.abc import Callable, Iterator
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


class TestTheExtensionForSearches:
    """Without leave to create it, somebody else has to; then all goes on."""

    @pytest.fixture
    def limited(self, settings: Settings) -> Iterator[tuple[str, psycopg.Connection]]:
        """An empty read store of a role that may create tables in it and no more, and a connection of its owner."""
        with (
            databases.fresh(settings, migrated=False) as empty,
            psycopg.connect(empty.read.database_url, autocommit=True) as owner,
        ):
            owner.execute("create role limited login")
            owner.execute("grant create on schema public to limited")
            yield make_url(empty.read.database_url).set(username="limited").render_as_string(), owner
            owner.execute("drop owned by limited")
            owner.execute("drop role limited")

    def test_is_asked_for_in_clear_words(self, limited: tuple[str, psycopg.Connection]) -> None:
        url, owner = limited
        message = (
            "needs the extension pg_trgm of PostgreSQL, and it could not be created: permission denied to create "
            'extension "pg_trgm". Let somebody who may run `create extension pg_trgm` there, then migrate again.'
        )
        with pytest.raises(SchemaError) as refused:
            projections.database.migrate(url)
        assert str(refused.value) == f"The database {make_url(url).database} {message}"
        owner.execute("create extension pg_trgm")
        assert projections.database.migrate(url) == revisions(STORES[1].values[0])
