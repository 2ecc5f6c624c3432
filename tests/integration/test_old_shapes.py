"""Facts in the shapes of years ago stay in the log as they are, and are read and projected like today's."""

import json
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import Engine

from api.settings import Settings
from domain import event_log
from domain.commands import RenameUser
from domain.database import CommandPool
from domain.event_log import partition_of_user
from domain.events import UserRegistered, UserRenamed
from projections.catalogue import projections
from projections.runner import Runner
from projections.views import users_view
from tests.support import tables
from tests.support.shop import Shop, email


def write_registration(fresh: Settings, *, schema_version: int, **more: object) -> UUID:
    """Leave a user in the write store as code of another time would have."""
    user_id, address = uuid4(), email()
    with psycopg.connect(fresh.write.database_url) as connection:
        connection.execute(
            """
            insert into users (id, name, email, email_key, version, created_at, updated_at)
            values (%s, 'Ada', %s, %s, 1, now(), now())
            """,
            (user_id, address, address),
        )
        connection.execute(
            """
            with head as (update log_heads set position = position + 1 where partition = %s returning *)
            insert into events (partition, position, event_id, stream_id, stream_type, version, type, schema_version,
                                data, metadata, occurred_at)
            select partition, position, gen_random_uuid(), %s, 'user', 1, 'UserRegistered', %s, %s,
                   '{"actor": "nobody"}', '2021-02-03T04:05:06Z'
            from head
            """,
            (
                partition_of_user(user_id),
                user_id,
                schema_version,
                json.dumps({"user_id": str(user_id), "name": "Ada", "email": address, **more}),
            ),
        )
    return user_id


def stored(fresh: Settings) -> list[tuple[int, bool]]:
    """Return the version of each stored fact, and whether it says a currency."""
    events = tables.everything(fresh.write.database_url)["events"]
    return [(row["schema_version"], "currency" in row["data"]) for row in events]


def drain(log: Engine, read: Engine, user_id: UUID) -> None:
    runner = Runner(log=log, read=read, projections=projections(), publish=lambda _: None)
    assert runner.drain(partition_of_user(user_id), seconds=10)


class TestAUserOfVersion1:
    async def test_is_read_as_version_2_and_stays_as_it_was_written(
        self, fresh: Settings, fresh_write: CommandPool
    ) -> None:
        user_id = write_registration(fresh, schema_version=1)
        async with fresh_write.transaction() as connection:
            [event] = await event_log.read_stream(connection, user_id)
        assert event.fact == UserRegistered(user_id=user_id, name="Ada", email=event.fact.email, currency="USD")
        assert stored(fresh) == [(1, False)]

    async def test_is_projected_and_lives_on(
        self, fresh: Settings, fresh_shop: Shop, log: Engine, read: Engine
    ) -> None:
        user_id = write_registration(fresh, schema_version=1)
        await fresh_shop.give(RenameUser(user_id=user_id, name="Ada Lovelace"))
        await fresh_shop.order(user_id, await fresh_shop.product(price="9.99"), quantity=2)
        drain(log, read, user_id)
        row = tables.read_tables(fresh.read.database_url)["users_view"][str(user_id)]
        shown = {name: row[name] for name in ("name", "currency", "total_spent", "order_count", "version")}
        assert shown == {
            "name": "Ada Lovelace",
            "currency": "USD",
            "total_spent": "19.98",
            "order_count": 1,
            "version": 2,
        }
        assert row["created_at"] == "2021-02-03 04:05:06+00:00"

    async def test_shares_its_stream_with_facts_of_today(
        self, fresh: Settings, fresh_shop: Shop, fresh_write: CommandPool
    ) -> None:
        user_id = write_registration(fresh, schema_version=1)
        await fresh_shop.give(RenameUser(user_id=user_id, name="Ada Lovelace"), expected_version=1)
        async with fresh_write.transaction() as connection:
            events = await event_log.read_stream(connection, user_id)
        assert [(event.version, type(event.fact)) for event in events] == [(1, UserRegistered), (2, UserRenamed)]


class TestAUserOfAVersionToCome:
    def test_is_not_guessed_at(self, fresh: Settings, log: Engine, read: Engine) -> None:
        user_id = write_registration(fresh, schema_version=3, currency="USD", language="en")
        runner = Runner(log=log, read=read, projections=[users_view.PROJECTION], publish=lambda _: None)
        assert not runner.drain(partition_of_user(user_id), seconds=10)
        assert tables.read_tables(fresh.read.database_url)["users_view"] == {}
        assert tables.checkpoints(fresh.read.database_url)["users_view"] == {}
        assert tables.halted(fresh.read.database_url) == {
            (
                "users_view",
                partition_of_user(user_id),
            ): "UnknownShapeError: UserRegistered of version 3 is not known here"
        }
