"""Least rights: what each role of PostgreSQL may do, what it is refused, and who may give these rights."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import make_url

from api import checks, embedded, production, roles
from api.checks import Finding
from api.settings import AuthSettings, ConfigurationError, Environment, Settings
from api.supervisor import UpError
from api.up import migrate
from domain import rights
from domain.bus import Bus
from domain.commands import ChangeOrderItemQuantity
from domain.database import CommandPool, log_engine, maintenance_engine
from domain.receipts import prune
from domain.roles import Login, as_login
from domain.settings import WriteSettings
from domain.tables import WriteTable
from projections import rebuild
from projections.catalogue import projections as catalogue
from projections.comparison import compare
from projections.database import patient_engine, projection_engine
from projections.projection import ReadTable
from projections.reads import Reads
from projections.settings import ReadSettings
from projections.statements import found
from projections.verify import verify
from projections.views import user_orders_view
from tests.integration.test_rebuild import build, rollback, switch
from tests.integration.test_runner import trade
from tests.support import databases, tables
from tests.support.projecting import drained
from tests.support.shop import USD, Shop

ORDERS = user_orders_view.PROJECTION
COMMANDS, PROJECTIONS, READS = "part_commands", "part_projections", "part_reads"
OWNER = "owner"
VERBS = ("select", "insert", "update", "delete", "truncate")
WRITE_TABLES = set(WriteTable.metadata.tables)
READ_TABLES = set(ReadTable.metadata.tables)


@contextmanager
def unmigrated(settings: Settings, names: Sequence[str] = (COMMANDS, PROJECTIONS, READS)) -> Iterator[Settings]:
    """Yield empty stores; the roles that come to be are gone at the end."""
    commands, projections, reads = names
    with psycopg.connect(settings.write.database_url, autocommit=True) as session:
        try:
            with databases.fresh(settings, migrated=False) as empty:
                yield replace(
                    empty,
                    commands=Login(name=commands, password="of-commands"),
                    projections=Login(name=projections),
                    reads=Login(name=reads),
                )
        finally:
            for role in (*names, OWNER):
                session.execute(f"drop role if exists {role}".encode())


@pytest.fixture(scope="module")
def separate(settings: Settings) -> Iterator[Settings]:
    with unmigrated(settings) as empty:
        migrate(empty)
        yield empty


def refused(url: str, statement: str) -> bool:
    with psycopg.connect(url) as connection:
        try:
            connection.execute(statement.encode())
        except InsufficientPrivilege:
            return True
        finally:
            connection.rollback()
    return False


def may(url: str, tables_: set[str]) -> dict[str, set[str]]:
    """Return what PostgreSQL lets a role do to each of these tables."""
    with psycopg.connect(url) as connection:
        asked = "select v from unnest(%s::text[]) v where has_table_privilege(%s, v)"
        return {table: {verb for (verb,) in connection.execute(asked, (list(VERBS), table))} for table in tables_}


class TestCommands:
    def test_may_do_to_the_write_store_what_is_listed_and_no_more(self, separate: Settings) -> None:
        listed = {table: set(given.split(", ")) for table, given in rights.COMMANDS.items()}
        assert listed.keys() == WRITE_TABLES
        assert may(separate.for_commands, WRITE_TABLES) == listed

    @pytest.mark.parametrize(
        "statement",
        [
            "update events set data = '{}'",
            "delete from events",
            "truncate events",
            "drop table events",
            "alter table events disable trigger all",
            "delete from orders",
            "delete from users",
            "insert into log_heads (partition) values (64)",
            "update log_identity set id = gen_random_uuid()",
            "update domain_revision set version_num = '0000'",
            "create table mine (id int)",
            f"set role {PROJECTIONS}",
            f"set role {READS}",
        ],
    )
    def test_are_refused_what_is_no_command(self, statement: str, separate: Settings) -> None:
        assert refused(separate.for_commands, statement)

    def test_are_not_let_into_the_read_store(self, separate: Settings) -> None:
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(as_login(separate.read.database_url, separate.commands))


class TestProjections:
    def test_may_read_the_write_store_without_its_receipts_and_write_none_of_it(self, separate: Settings) -> None:
        expected = {table: {"select"} for table in WRITE_TABLES} | {"receipts": set()}
        assert may(separate.for_projections.write, WRITE_TABLES) == expected

    @pytest.mark.parametrize(
        "statement",
        [
            "insert into events select * from events",
            "update log_heads set position = 0",
            "delete from orders",
            "select * from receipts",
            "select nextval('order_numbers')",
            "create table mine (id int)",
            f"set role {COMMANDS}",
        ],
    )
    def test_are_refused_to_write_the_write_store(self, statement: str, separate: Settings) -> None:
        assert refused(separate.for_projections.write, statement)

    def test_may_do_everything_to_the_read_tables(self, separate: Settings) -> None:
        assert may(separate.for_projections.read, READ_TABLES) == {table: set(VERBS) for table in READ_TABLES}

    def test_are_refused_to_say_which_schema_there_is(self, separate: Settings) -> None:
        assert refused(separate.for_projections.read, "update projections_revision set version_num = '0001'")


class TestReads:
    def test_may_read_the_read_store_and_write_none_of_it(self, separate: Settings) -> None:
        assert may(separate.for_reads.read, READ_TABLES) == {table: {"select"} for table in READ_TABLES}

    @pytest.mark.parametrize(
        "statement",
        [
            *(f"insert into {table} select * from {table}" for table in sorted(READ_TABLES)),
            *(f"delete from {table}" for table in sorted(READ_TABLES)),
            "update user_orders_view set total = 0",
            "truncate user_orders_view",
            "drop table user_orders_view",
            "alter table user_orders_view rename to mine",
            "select * from user_orders_view for update",
            "create table mine (id int)",
            "create temporary table mine (id int)",
            f"set role {PROJECTIONS}",
        ],
    )
    def test_are_refused_to_write_also_where_a_transaction_may(self, statement: str, separate: Settings) -> None:
        assert refused(separate.for_reads.read, statement)

    def test_see_of_the_write_store_how_far_its_log_is(self, separate: Settings) -> None:
        reads = separate.for_reads.write
        seen = {table for table, verbs in may(reads, WRITE_TABLES).items() if verbs == {"select"}}
        assert seen == {"log_heads", "log_identity"}
        assert not refused(reads, "select partition, position, recorded_at from events")

    @pytest.mark.parametrize(
        "statement",
        [
            "select * from events",
            "select data from events",
            "select metadata from events",
            "select stream_id from events",
            "select * from users",
            "select * from orders",
            "select * from receipts",
            "update log_heads set position = 0",
            "insert into events (position) values (1)",
        ],
    )
    def test_are_refused_all_else_of_it(self, statement: str, separate: Settings) -> None:
        assert refused(separate.for_reads.write, statement)


class TestTogether:
    async def test_they_do_all_that_there_is_to_do(self, separate: Settings) -> None:
        """A command, its projection, a read, a rebuild, its switch and the way back, and the pruning of receipts."""
        projections, reads = separate.for_projections, separate.for_reads
        log, read, patient = (
            log_engine(projections.write),
            projection_engine(projections.read),
            patient_engine(projections.read),
        )
        async with CommandPool(separate.for_commands, connections=2) as pool, Reads(reads.read) as pages:
            shop = Shop(Bus(pool, currency=USD, nudge=lambda _: None))
            await trade(shop)
            user, tea = await shop.user(), await shop.product(stock=9)
            order = await shop.order(user, tea)
            change = ChangeOrderItemQuantity(order_id=order, product_id=tea, quantity=2)
            await shop.give(change, idempotency_key="once")
            assert drained(log, read)
            [row] = await pages.all(found(user_orders_view.by_id, order_id=order, user_id=user).rows())
            assert (row["version"], row["item_count"]) == (2, 1)

            build(ORDERS, log, read)
            assert compare(ORDERS, log=log, read=read).equal
            switch(ORDERS, log, read)
            for suffix in ("", "__old"):
                assert not refused(reads.read, f"select * from {ORDERS.name}{suffix}")
                assert refused(reads.read, f"delete from {ORDERS.name}{suffix}")
            rollback(ORDERS, log, read)
            assert rebuild.discard(ORDERS, read=read) == [f"{ORDERS.name}__next"]

            await trade(shop)
            assert drained(log, read)
        assert tables.read_tables(separate.read.database_url) == tables.folded(log)
        assert [each.differences for each in verify(catalogue(), log=log, read=patient)] == [0] * len(catalogue())
        with maintenance_engine(separate.for_commands).connect() as connection:
            assert prune(connection, older_than=timedelta(0), limit=10) == 1
        for engine in (log, read, patient):
            engine.dispose()


class TestWhoGivesRights:
    """The owner of both databases, who is no superuser."""

    @pytest.fixture
    def owned(self, settings: Settings) -> Iterator[tuple[Settings, psycopg.Connection]]:
        """Empty stores of an owner, and a connection of one who may do everything."""
        names = ("owned_commands", "owned_projections", "owned_reads")
        with (
            unmigrated(settings, names) as empty,
            psycopg.connect(settings.write.database_url, autocommit=True) as session,
        ):
            session.execute(f"create role {OWNER} login".encode())
            for url in (empty.write.database_url, empty.read.database_url):
                session.execute(f"alter database {make_url(url).database} owner to {OWNER}".encode())
            owner = Login(name=OWNER)
            yield (
                replace(
                    empty,
                    write=WriteSettings(database_url=as_login(empty.write.database_url, owner)),
                    read=ReadSettings(database_url=as_login(empty.read.database_url, owner)),
                ),
                session,
            )

    def test_is_one_who_may_create_roles(self, owned: tuple[Settings, psycopg.Connection]) -> None:
        settings, session = owned
        session.execute(f"alter role {OWNER} createrole".encode())
        first = migrate(settings)
        assert first.keys() == {"write", "read"}
        assert all(first.values())
        assert migrate(settings) == {"write": [], "read": []}
        with psycopg.connect(settings.read.database_url) as connection:  # as a later migration does
            connection.execute("alter table user_orders_view add column later int")
        assert may(settings.for_reads.read, READ_TABLES) == {table: {"select"} for table in READ_TABLES}
        assert refused(settings.for_projections.write, "delete from events")

    def test_is_told_what_to_do_where_it_may_not(
        self, owned: tuple[Settings, psycopg.Connection], stores: embedded.Stores
    ) -> None:
        settings, session = owned
        with pytest.raises(UpError) as error:
            migrate(settings)
        assert str(error.value) == (
            "The roles of TANDEM_COMMANDS_LOGIN, TANDEM_PROJECTIONS_LOGIN and TANDEM_READS_LOGIN could not be given "
            f"their rights in {make_url(settings.write.database_url).database}: permission denied to create role. "
            "Let somebody who may run what `tandem roles` prints, then migrate again."
        )
        assert settings.logins
        script = roles.script(settings, settings.logins)
        assert "of-commands" not in script
        create, _, _ = script.partition("\\connect")
        psql = [str(stores.programs / "psql"), "-v", "ON_ERROR_STOP=1", "-qX", stores.write_url]
        subprocess.run(psql, input=create, text=True, check=True, timeout=60)
        assert migrate(settings)["read"] != []
        subprocess.run(
            psql, input=script.removeprefix(create), text=True, check=True, timeout=60
        )  # which changes nothing
        assert may(settings.for_reads.read, READ_TABLES) == {table: {"select"} for table in READ_TABLES}
        assert session.execute("select count(*) from pg_roles where rolname like 'owned%'").fetchone() == (3,)

    def test_gives_passwords_as_the_server_keeps_them(self, separate: Settings) -> None:
        with psycopg.connect(separate.write.database_url) as connection:
            kept = dict(connection.execute("select rolname, rolpassword from pg_authid where rolname like 'part%'"))
        assert kept[COMMANDS].startswith("SCRAM-SHA-256$")
        assert (kept[PROJECTIONS], kept[READS]) == (None, None)

    def test_gives_all_three(self, separate: Settings) -> None:
        with pytest.raises(UpError, match="all of TANDEM_COMMANDS_LOGIN, TANDEM_PROJECTIONS_LOGIN, TANDEM_READS_LOGIN"):
            migrate(replace(separate, reads=None))

    def test_takes_what_was_given_besides(self, separate: Settings) -> None:
        with psycopg.connect(separate.write.database_url, autocommit=True) as connection:
            connection.execute(f"grant update on events to {COMMANDS}".encode())
        assert not refused(separate.for_commands, "update events set data = '{}'")
        migrate(separate)
        assert refused(separate.for_commands, "update events set data = '{}'")


class TestAProduction:
    def test_finds_that_each_role_may_do_its_part(self, separate: Settings) -> None:
        assert list(checks.roles(separate)) == [
            Finding("TANDEM_COMMANDS_LOGIN", f"{COMMANDS}, who may do its part"),
            Finding("TANDEM_PROJECTIONS_LOGIN", f"{PROJECTIONS}, who may do its part"),
            Finding("TANDEM_READS_LOGIN", f"{READS}, who may do its part"),
        ]
        assert list(checks.roles(replace(separate, commands=None, projections=None, reads=None))) == []

    def test_does_not_start_with_roles_that_may_do_more(self, separate: Settings) -> None:
        owner = Login(name=str(make_url(separate.write.database_url).username))
        loose = replace(separate, commands=owner, projections=separate.commands, reads=separate.projections)
        with pytest.raises(ConfigurationError) as error:
            production.check(replace(loose, environment=Environment.PRODUCTION, auth=AuthSettings(secret="s" * 32)))
        do = "Give it a role of its own that is no superuser, and run: tandem migrate"
        written, shown = (
            sorted(table for table, given in rights.COMMANDS.items() if given != "select"),
            sorted(READ_TABLES),
        )
        found = [line.removeprefix("* ") for line in str(error.value).splitlines() if "LOGIN" in line]
        assert found == [
            f"TANDEM_COMMANDS_LOGIN: {owner.name} may do more than its part: it may change events. {do}",
            f"TANDEM_PROJECTIONS_LOGIN: {COMMANDS} may do more than its part: it may change {', '.join(written)}. {do}",
            f"TANDEM_READS_LOGIN: {PROJECTIONS} may do more than its part: it may change {', '.join(shown)}. {do}",
        ]

    def test_does_not_start_with_a_role_that_is_not_there(self, separate: Settings) -> None:
        found = [str(each) for each in checks.roles(replace(separate, commands=Login(name="nobody_of_that_name")))]
        assert found[0].startswith("TANDEM_COMMANDS_LOGIN: nobody_of_that_name cannot connect: ")
        assert 'role "nobody_of_that_name" does not exist' in found[0]
