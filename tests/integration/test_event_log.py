"""The event log under many writers at once: no hole, no turned-around stream, and no event that a reader misses."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from domain import event_log
from domain.commands import PayOrder, ShipOrder
from domain.database import CommandPool
from domain.errors import InvalidTransition
from domain.event_log import PARTITIONS, Entry, Origin
from domain.events import Event, OrderPaid
from domain.statements import Connection
from tests.support import tables
from tests.support.following import Reader, Seen, complaints, following
from tests.support.shop import Shop, id_in

WRITERS = 16  # through the log itself; as many again go through the bus
ROUNDS = 9
READERS = 3


class RolledBackError(Exception):
    pass


def entry(partition: int, stream_id: UUID, version: int) -> Entry:
    event = Event(
        stream_type="order",
        stream_id=stream_id,
        version=version,
        fact=OrderPaid(order_id=stream_id, user_id=stream_id, payment_reference=f"pi_{version}"),
        at=datetime.now(UTC),
        actor="staff:tests",
        partition=partition,
    )
    return Entry(event_id=uuid4(), event=event, origin=Origin(actor="staff:tests"))


def seen(event: Event) -> Seen:
    return Seen(event.partition, event.position, event.stream_id, event.version)


def reader(log: Engine, partitions: Sequence[int]) -> Reader:
    def read(partition: int, after: int) -> list[Seen]:
        with log.connect() as connection:
            return [seen(event) for event in event_log.read(connection, partition, after=after, limit=7)]

    return Reader(read, partitions)


async def append(write: CommandPool, entries: Sequence[Entry]) -> list[Seen]:
    async with write.transaction() as connection:
        return [seen(event) for event in await event_log.append(connection, entries)]


async def append_and_roll_back(write: CommandPool, entries: Sequence[Entry]) -> None:
    with suppress(RolledBackError):
        async with write.transaction() as connection:
            await event_log.append(connection, entries)
            raise RolledBackError


async def write_to_the_log(write: CommandPool, partitions: Sequence[int], chance: random.Random) -> list[Seen]:
    """Append to up to three streams at a time, every third time in vain."""
    streams = [(chance.choice(partitions), uuid4()) for _ in range(3)]
    versions = dict.fromkeys(streams, 0)
    written: list[Seen] = []
    for turn in range(ROUNDS):
        chosen = chance.sample(streams, chance.randint(1, 3))
        entries = [entry(partition, stream, versions[partition, stream] + 1) for partition, stream in chosen]
        if turn % 3 == 1:
            await append_and_roll_back(write, entries)
            continue
        written += await append(write, entries)
        for stream in chosen:
            versions[stream] += 1
    return written


async def write_through_the_bus(shop: Shop, product: UUID, partition: int) -> list[Seen]:
    """Register, order, pay and ship, with a dry run and a refusal in between."""
    user_id = id_in(partition)
    await shop.user(user_id)
    order_id = await shop.order(user_id, product)
    pay = PayOrder(order_id=order_id, payment_reference="pi_1")
    await shop.give(pay, dry_run=True)
    await shop.give(pay)
    with suppress(InvalidTransition):
        await shop.give(pay)
    shipped = await shop.give(ShipOrder(order_id=order_id, carrier="DHL", tracking_number="1"))
    at = [(user_id, 1), (order_id, 1), (order_id, 2), (order_id, 3)]
    assert shipped.version == 3
    return await positions(shop, partition, at)


async def positions(shop: Shop, partition: int, streams: Sequence[tuple[UUID, int]]) -> list[Seen]:
    wanted = text("select position from events where stream_id = :stream_id and version = :version")
    async with shop.bus._pool.transaction() as connection:
        return [
            Seen(
                partition,
                (await connection.all(wanted, {"stream_id": stream_id, "version": version}))[0].position,
                stream_id,
                version,
            )
            for stream_id, version in streams
        ]


class TestUnderManyWriters:
    @pytest.mark.parametrize("partitions", [[7], list(range(PARTITIONS))], ids=["one partition", "all partitions"])
    async def test_every_reader_sees_every_committed_event_once_and_in_order(
        self, partitions: list[int], fresh_shop: Shop, fresh_write: CommandPool, log: Engine
    ) -> None:
        product = await fresh_shop.product()
        readers = [reader(log, range(PARTITIONS)) for _ in range(READERS)]
        with following(readers):
            written = await asyncio.gather(
                *(write_to_the_log(fresh_write, partitions, random.Random(number)) for number in range(WRITERS)),
                *(
                    write_through_the_bus(fresh_shop, product, partitions[number % len(partitions)])
                    for number in range(WRITERS)
                ),
            )
        added = await positions(fresh_shop, event_log.partition_of_product(product), [(product, 1)])
        committed = [*added, *(event for events in written for event in events)]
        assert [complaints(each.seen, committed) for each in readers] == [[]] * READERS
        assert tables.heads(log) == {
            partition: len([event for event in committed if event.partition == partition])
            for partition in {event.partition for event in committed}
        }


class TestAWriterThatIsNotDoneYet:
    """Two writers of one partition, the first to begin being the last to commit; a reader comes by in between."""

    async def test_makes_the_next_one_wait_so_that_no_reader_passes_its_event(
        self, fresh_write: CommandPool, log: Engine
    ) -> None:
        following_one = reader(log, [7])
        slow, quick = entry(7, uuid4(), 1), entry(7, uuid4(), 1)
        async with fresh_write.transaction() as connection:
            first = [seen(event) for event in await event_log.append(connection, [slow])]
            waiting = asyncio.create_task(append(fresh_write, [quick]))
            await until_somebody_waits(log)
            assert (following_one.poll(), waiting.done()) == (False, False)
        second = await waiting
        following_one.poll()
        assert complaints(following_one.seen, first + second) == []

    async def test_would_be_missed_in_a_log_that_takes_its_numbers_from_a_sequence(
        self, fresh_write: CommandPool, log: Engine
    ) -> None:
        async with fresh_write.transaction() as connection:
            await connection.all(text("create table naive (position bigserial, stream_id uuid)"))
        following_one = Reader(lambda _, after: read_naively(log, after), [0])
        async with fresh_write.transaction() as connection:
            slow = await append_naively(connection)
            async with fresh_write.transaction() as other:
                quick = await append_naively(other)
            following_one.poll()
        following_one.poll()
        assert complaints(following_one.seen, [slow, quick]) == [
            f"{slow} was committed, and missed",
            f"{quick} came after position 0",
        ]


class TestARollback:
    async def test_leaves_no_hole(self, fresh_write: CommandPool, log: Engine) -> None:
        await append(fresh_write, [entry(7, uuid4(), 1)])
        await append_and_roll_back(fresh_write, [entry(7, uuid4(), 1), entry(7, uuid4(), 1)])
        [after] = await append(fresh_write, [entry(7, uuid4(), 1)])
        assert (after.position, tables.heads(log)) == (2, {7: 2})

    async def test_would_leave_one_in_a_log_that_takes_its_numbers_from_a_sequence(
        self, fresh_write: CommandPool, log: Engine
    ) -> None:
        async with fresh_write.transaction() as connection:
            await connection.all(text("create table naive (position bigserial, stream_id uuid)"))
        with suppress(RolledBackError):
            async with fresh_write.transaction() as connection:
                await append_naively(connection)
                raise RolledBackError
        async with fresh_write.transaction() as connection:
            after = await append_naively(connection)
        following_one = Reader(lambda _, position: read_naively(log, position), [0])
        following_one.poll()
        assert complaints(following_one.seen, [after]) == [f"{after} came after position 0"]


class TestAppend:
    async def test_answers_in_the_order_it_was_asked_whatever_the_partitions(self, fresh_write: CommandPool) -> None:
        a, b, c = uuid4(), uuid4(), uuid4()
        assert await append(fresh_write, [entry(9, a, 1), entry(3, b, 1), entry(9, c, 1)]) == [
            Seen(9, 1, a, 1),
            Seen(3, 1, b, 1),
            Seen(9, 2, c, 1),
        ]

    async def test_takes_a_version_of_a_stream_once(self, fresh_write: CommandPool, log: Engine) -> None:
        stream_id = uuid4()
        await append(fresh_write, [entry(7, stream_id, 1)])
        with pytest.raises(Exception, match="events_stream_id_version_key"):
            await append(fresh_write, [entry(7, stream_id, 1)])
        assert tables.heads(log) == {7: 1}


async def append_naively(connection: Connection) -> Seen:
    stream_id = uuid4()
    insert = text("insert into naive (stream_id) values (:stream_id) returning position")
    [row] = await connection.all(insert, {"stream_id": stream_id})
    return Seen(0, row.position, stream_id, 1)


def read_naively(log: Engine, after: int) -> list[Seen]:
    with log.connect() as connection:
        rows = connection.execute(
            text("select position, stream_id from naive where position > :after order by position"), {"after": after}
        )
        return [Seen(0, position, stream_id, 1) for position, stream_id in rows]


async def until_somebody_waits(log: Engine) -> None:
    """Return once a connection of this database waits for another one's lock."""
    waiting = text("""
        select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
    """)
    with log.connect() as connection:
        while connection.execute(waiting).scalar_one() == 0:  # noqa: ASYNC110 - it is another process that waits
            await asyncio.sleep(0.005)
