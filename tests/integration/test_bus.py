"""The bus over a real write store: once is once, refused is refused; no deadlock and no lost connection shows."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from msgspec import structs
from sqlalchemy import Engine, text

from api.settings import Settings
from domain import event_log
from domain.bus import Accepted, Bus, Request, UnavailableError
from domain.commands import (
    HANDLERS,
    AddOrderItem,
    AddProduct,
    CancelOrder,
    ChangeOrderItemQuantity,
    Command,
    CreateOrder,
    PayOrder,
    RefundOrder,
    RegisterUser,
    RemoveOrderItem,
    RestockProduct,
    ShipOrder,
)
from domain.database import CommandPool
from domain.errors import (
    IdempotencyKeyReused,
    InsufficientStock,
    InvalidInput,
    InvalidTransition,
    NotFound,
    Refusal,
    VersionConflict,
)
from domain.event_log import partition_of_user
from domain.events import Event, OrderCreated
from domain.order import Line
from domain.transaction import Actor
from tests.support import tables
from tests.support.examples import EXAMPLES
from tests.support.shop import STAFF, USD, Shop, basket, email

CHANGES = pytest.mark.parametrize(
    "kind",
    [kind for kind in HANDLERS if kind not in (RegisterUser, AddProduct, CreateOrder)],
    ids=lambda kind: kind.__name__,
)
EVERY_COMMAND = pytest.mark.parametrize("kind", HANDLERS, ids=lambda kind: kind.__name__)


async def versions(write: CommandPool, accepted: Accepted) -> list[int]:
    return [event.version for event in await history(write, accepted)]


async def history(write: CommandPool, accepted: Accepted) -> list[Event]:
    async with write.transaction() as connection:
        return await event_log.read_stream(connection, accepted.stream_id)


def with_id(command: Command, told: Accepted) -> Command:
    """Return a command that makes what a dry run told of: under the id that the server chose for it."""
    return replace(command, id=told.stream_id) if hasattr(command, "id") else command


def without_number(event: Event) -> Event:
    """Leave out an order's number: the next one may be somebody else's by the time."""
    return (
        structs.replace(event, fact=replace(event.fact, number="")) if isinstance(event.fact, OrderCreated) else event
    )


async def stock(write: CommandPool, *product_ids: object) -> list[int]:
    async with write.transaction() as connection:
        found = await connection.all(
            text("select stock from products where id = any(:ids) order by id"), {"ids": list(product_ids)}
        )
        return [row.stock for row in found]


class TestExamples:
    def test_are_of_every_command(self) -> None:
        assert EXAMPLES.keys() == HANDLERS.keys()


class TestAKey:
    @EVERY_COMMAND
    async def test_sent_twice_is_done_once_and_answered_alike(
        self, kind: type[Command], shop: Shop, write: CommandPool
    ) -> None:
        command = await EXAMPLES[kind](shop)
        first = await shop.give(command, idempotency_key=(key := uuid4().hex))
        again = await shop.give(command, idempotency_key=key)
        assert (first.replayed, again) == (False, replace(first, replayed=True))
        assert await versions(write, first) == list(range(1, first.version + 1))

    @EVERY_COMMAND
    async def test_sent_by_twenty_at_once_is_done_once_and_answered_alike(
        self, kind: type[Command], shop: Shop, write: CommandPool
    ) -> None:
        command = await EXAMPLES[kind](shop)
        key = uuid4().hex
        answers = await asyncio.gather(*(shop.give(command, idempotency_key=key) for _ in range(20)))
        assert len({replace(answer, replayed=False) for answer in answers}) == 1
        assert Counter(answer.replayed for answer in answers) == {False: 1, True: 19}
        assert await versions(write, answers[0]) == list(range(1, answers[0].version + 1))

    async def test_sent_by_twenty_at_once_takes_stock_once(self, shop: Shop, write: CommandPool) -> None:
        product = await shop.product(stock=100)
        command = basket(await shop.user(), product, quantity=3)
        key = uuid4().hex
        await asyncio.gather(*(shop.give(command, idempotency_key=key) for _ in range(20)))
        assert await stock(write, product) == [97]

    async def test_with_another_input_is_refused(self, shop: Shop, write: CommandPool) -> None:
        registered = await shop.give(RegisterUser(name="Ada", email=email()), idempotency_key=(key := uuid4().hex))
        with pytest.raises(IdempotencyKeyReused):
            await shop.give(RegisterUser(name="Grace", email=email()), idempotency_key=key)
        assert await versions(write, registered) == [1]

    async def test_with_another_expected_version_is_another_input(self, shop: Shop) -> None:
        order_id = await shop.order(await shop.user(), await shop.product())
        pay, key = PayOrder(order_id=order_id, payment_reference="pi_1"), uuid4().hex
        await shop.give(pay, expected_version=1, idempotency_key=key)
        with pytest.raises(IdempotencyKeyReused):
            await shop.give(pay, expected_version=2, idempotency_key=key)

    async def test_of_one_sender_means_nothing_for_another(self, shop: Shop) -> None:
        key = uuid4().hex
        first = await shop.give(RegisterUser(name="Ada", email=email()), idempotency_key=key)
        second = await shop.give(
            RegisterUser(name="Grace", email=email()), idempotency_key=key, actor=Actor(id="customer:grace")
        )
        assert second.stream_id != first.stream_id
        assert not second.replayed

    async def test_of_a_refused_command_may_be_used_again(self, shop: Shop) -> None:
        order_id, key = uuid4(), uuid4().hex
        pay = PayOrder(order_id=order_id, payment_reference="pi_1")
        with pytest.raises(NotFound):
            await shop.give(pay, idempotency_key=key)
        await shop.give(replace(basket(await shop.user(), await shop.product()), id=order_id))
        paid = await shop.give(pay, idempotency_key=key)
        assert (paid.version, paid.replayed) == (2, False)

    async def test_of_a_dry_run_may_be_used_for_the_command_itself(self, shop: Shop) -> None:
        command, key = RegisterUser(name="Ada", email=email()), uuid4().hex
        await shop.give(command, idempotency_key=key, dry_run=True)
        assert not (await shop.give(command, idempotency_key=key)).replayed

    async def test_is_answered_even_when_the_command_would_be_refused_by_now(self, shop: Shop) -> None:
        product = await shop.product(stock=1)
        command, key = basket(await shop.user(), product), uuid4().hex
        first = await shop.give(command, idempotency_key=key)
        with pytest.raises(InsufficientStock):
            await shop.give(command)
        assert await shop.give(command, idempotency_key=key) == replace(first, replayed=True)

    @pytest.mark.parametrize(
        ("key", "message"),
        [
            ("", "The idempotencyKey must not be empty."),
            ("  ", "The idempotencyKey must not be empty."),
            (" k", "The idempotencyKey must not begin or end with a blank."),
            ("k" * 201, "The idempotencyKey must have at most 200 characters; this one has 201."),
            ("k" * 10_000, "The idempotencyKey must have at most 200 characters; this one has 10000."),
            ("k\0", "The idempotencyKey must not contain control characters or NUL: remove them."),
            ("\ud800", "The idempotencyKey must not contain control characters or NUL: remove them."),
        ],
        ids=["empty", "blank", "blank before", "201 characters", "10,000 characters", "NUL", "lone surrogate"],
    )
    async def test_must_be_a_key(self, shop: Shop, key: str, message: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            await shop.give(RegisterUser(name="Ada", email=email()), idempotency_key=key)
        assert (refused.value.message, refused.value.path) == (message, ("idempotencyKey",))

    async def test_may_have_200_characters(self, shop: Shop) -> None:
        accepted = await shop.give(RegisterUser(name="Ada", email=email()), idempotency_key=uuid4().hex.ljust(200, "k"))
        assert accepted.version == 1


class TestExpectedVersion:
    async def test_lets_a_command_pass_when_it_is_the_current_one(self, shop: Shop) -> None:
        order_id = await shop.order(await shop.user(), await shop.product())
        paid = await shop.give(PayOrder(order_id=order_id, payment_reference="pi_1"), expected_version=1)
        assert paid.version == 2

    @pytest.mark.parametrize("expected", [1, 3])
    async def test_refuses_with_the_current_one_when_it_is_another(self, shop: Shop, expected: int) -> None:
        order_id = await shop.paid_order(await shop.user(), await shop.product())
        with pytest.raises(VersionConflict) as conflict:
            await shop.give(ShipOrder(order_id=order_id, carrier="DHL", tracking_number="1"), expected_version=expected)
        assert (conflict.value.expected_version, conflict.value.current_version) == (expected, 2)

    async def test_lets_one_of_many_at_once_pass(self, shop: Shop) -> None:
        order_id = await shop.order(await shop.user(), await shop.product())
        pay = PayOrder(order_id=order_id, payment_reference="pi_1")
        outcomes = await asyncio.gather(
            *(shop.give(pay, expected_version=1) for _ in range(10)), return_exceptions=True
        )
        assert Counter(type(outcome) for outcome in outcomes) == {Accepted: 1, VersionConflict: 9}


class TestEveryCommandThatChangesSomething:
    """All but those that begin a stream, which expect nothing."""

    @CHANGES
    async def test_passes_at_the_expected_version(self, kind: type[Command], shop: Shop) -> None:
        command = await EXAMPLES[kind](shop)
        told = await shop.give(command, dry_run=True)
        done = await shop.give(command, expected_version=told.version - 1, idempotency_key=uuid4().hex)
        assert done == replace(told, position=done.position, dry_run=False, preview=None)

    @CHANGES
    async def test_is_refused_at_another_and_changes_nothing(
        self, kind: type[Command], shop: Shop, write: CommandPool
    ) -> None:
        command = await EXAMPLES[kind](shop)
        told = await shop.give(command, dry_run=True)
        before = await history(write, told)
        for expected in (told.version - 2, told.version):
            with pytest.raises(VersionConflict) as conflict:
                await shop.give(command, expected_version=expected)
            assert vars(conflict.value) == vars(VersionConflict(expected=expected, current=told.version - 1))
        assert await history(write, told) == before


class TestADryRun:
    async def test_of_any_command_writes_nothing_at_all(self, fresh_shop: Shop, fresh: Settings) -> None:
        for kind in HANDLERS:
            command, key = await EXAMPLES[kind](fresh_shop), kind.__name__
            before = tables.everything(fresh.write.database_url)
            await fresh_shop.give(command, dry_run=True, idempotency_key=key)
            assert tables.everything(fresh.write.database_url) == before, kind
            await fresh_shop.give(command, idempotency_key=key)
            assert tables.everything(fresh.write.database_url) != before, kind

    @EVERY_COMMAND
    async def test_tells_the_event_that_would_come_and_where_the_latest_is(
        self, kind: type[Command], shop: Shop, write: CommandPool
    ) -> None:
        command, at = await EXAMPLES[kind](shop), datetime(2026, 1, 31, tzinfo=UTC)
        told = await shop.give(command, dry_run=True, at=at)
        before = await history(write, told)
        assert told.preview is not None
        assert told == Accepted(
            stream_id=told.preview.stream_id,
            version=len(before) + 1,
            partition=told.preview.partition,
            position=before[-1].position if before else 0,
            dry_run=True,
            preview=told.preview,
        )
        done = await shop.give(with_id(command, told), at=at)
        [*_, event] = await history(write, done)
        assert without_number(told.preview) == without_number(structs.replace(event, position=0))

    async def test_of_what_was_done_before_with_this_key_tells_that(self, shop: Shop) -> None:
        command, key = RegisterUser(name="Ada", email=email()), uuid4().hex
        done = await shop.give(command, idempotency_key=key)
        told = await shop.give(command, idempotency_key=key, dry_run=True)
        assert told == replace(done, replayed=True, dry_run=True)

    async def test_is_refused_as_the_command_would_be(self, shop: Shop) -> None:
        order_id = await shop.paid_order(await shop.user(), await shop.product())
        with pytest.raises(InvalidTransition):
            await shop.give(PayOrder(order_id=order_id, payment_reference="pi_2"), dry_run=True)

    async def test_nudges_nobody(self, write: CommandPool) -> None:
        nudged: list[int] = []
        shop = Shop(Bus(write, currency=USD, nudge=nudged.append))
        command = RegisterUser(name="Ada", email=email())
        await shop.give(command, dry_run=True)
        assert nudged == []
        accepted = await shop.give(command)
        assert nudged == [accepted.partition]


class TestStock:
    async def test_of_ten_pieces_goes_to_ten_of_fifty_buyers(self, shop: Shop, write: CommandPool) -> None:
        product = await shop.product(stock=10)
        buyers = [await shop.user() for _ in range(50)]
        outcomes = await asyncio.gather(*(shop.order(buyer, product) for buyer in buyers), return_exceptions=True)
        refused = [outcome for outcome in outcomes if isinstance(outcome, InsufficientStock)]
        assert (len(refused), len(outcomes) - len(refused)) == (40, 10)
        assert {(refusal.requested, refusal.available) for refusal in refused} == {(1, 0)}
        assert await stock(write, product) == [0]

    async def test_is_taken_and_given_back_by_every_command_that_moves_pieces(
        self, shop: Shop, write: CommandPool
    ) -> None:
        user, product, other = await shop.user(), await shop.product(stock=10), await shop.product()
        first, third = await shop.order(user, other), uuid4()
        pay, refund = PayOrder(order_id=first, payment_reference="pi_1"), RefundOrder(order_id=first, reason="late")
        second = await shop.shipped_order(user, product)
        steps: list[tuple[Command, int]] = [
            (AddOrderItem(order_id=first, item=Line(product_id=product, quantity=4)), 5),
            (ChangeOrderItemQuantity(order_id=first, product_id=product, quantity=9), 0),
            (ChangeOrderItemQuantity(order_id=first, product_id=product, quantity=2), 7),
            (RestockProduct(product_id=product, quantity=-3), 4),
            (RemoveOrderItem(order_id=first, product_id=product), 6),
            (AddOrderItem(order_id=first, item=Line(product_id=product, quantity=6)), 0),
            (pay, 0),
            (refund, 6),
            (RefundOrder(order_id=second, reason="late"), 6),
            (replace(basket(user, product, quantity=5), id=third), 1),
            (CancelOrder(order_id=third, reason="late"), 6),
        ]
        left: list[int] = []
        for command, _ in steps:
            await shop.give(command)
            left += await stock(write, product)
        assert left == [expected for _, expected in steps]

    async def test_is_taken_by_baskets_of_any_order_without_a_deadlock(
        self, fresh_shop: Shop, fresh_write: CommandPool, log: Engine
    ) -> None:
        products = [await fresh_shop.product(stock=1000) for _ in range(8)]
        ordered: Counter[object] = Counter()

        async def buy(chance: random.Random) -> None:
            user = await fresh_shop.user()
            for _ in range(8):
                chosen = chance.sample(products, chance.randint(2, 8))
                await fresh_shop.order(user, *chosen)
                ordered.update(chosen)

        await asyncio.gather(*(buy(random.Random(number)) for number in range(16)))
        assert await stock(fresh_write, *products) == [1000 - ordered[product] for product in sorted(products)]
        await fresh_write.close()  # a connection reports its deadlocks at its end, if not before
        assert await deadlocks(log) == 0


class TestManyInOneTransaction:
    async def test_are_carried_out_in_their_order_those_refused_left_out(self, shop: Shop, write: CommandPool) -> None:
        user, product, order = await shop.user(), await shop.product(stock=5), uuid4()
        create = CreateOrder(id=order, user_id=user, items=(Line(product_id=product, quantity=2),))
        commands = [
            PayOrder(order_id=order, payment_reference="too early"),
            create,
            create,
            PayOrder(order_id=order, payment_reference="pi_1"),
            basket(user, product, quantity=4),
            ShipOrder(order_id=order, carrier="DHL", tracking_number="1"),
        ]
        outcomes = await shop.bus.execute_all([Request(command=command, actor=STAFF) for command in commands])
        assert [outcome.code if isinstance(outcome, Refusal) else outcome.version for outcome in outcomes] == [
            "NOT_FOUND",
            1,
            "ALREADY_EXISTS",
            2,
            "INSUFFICIENT_STOCK",
            3,
        ]
        first, second, third = (outcome for outcome in outcomes if isinstance(outcome, Accepted))
        assert first.partition == partition_of_user(user)
        assert await versions(write, first) == [1, 2, 3]
        assert (second.position, third.position) == ((first.position or 0) + 1, (first.position or 0) + 2)
        assert await stock(write, product) == [3]


class TestALostConnection:
    async def test_is_told_and_the_next_command_works(self, fresh_shop: Shop, fresh: Settings, log: Engine) -> None:
        user, product = await fresh_shop.user(), await fresh_shop.product()
        with psycopg.connect(fresh.write.database_url) as holder:
            holder.execute("select from users for update")
            ordering = asyncio.create_task(fresh_shop.order(user, product))
            assert await cut_whoever_waits(log) == 1
            with pytest.raises(UnavailableError):
                await ordering
        assert (await fresh_shop.give(basket(user, product))).version == 1
        assert len(tables.everything(fresh.write.database_url)["orders"]) == 1

    async def test_that_nobody_used_costs_one_answer_at_most(self, fresh_shop: Shop, log: Engine) -> None:
        await asyncio.gather(*(fresh_shop.user() for _ in range(10)))
        await cut_all_commands(log)
        outcomes = [await outcome_of_registering(fresh_shop) for _ in range(10)]
        assert outcomes[1:] == ["accepted"] * 9


async def outcome_of_registering(shop: Shop) -> str:
    try:
        await shop.user()
    except UnavailableError:
        return "unavailable"
    return "accepted"


async def cut_whoever_waits(log: Engine) -> int:
    """Cut the connections that wait for a lock, once there are any; return how many."""
    with log.connect() as connection:
        while True:
            cut = connection.execute(
                text("""
                    select count(pg_terminate_backend(pid)) from pg_stat_activity
                    where datname = current_database() and wait_event_type = 'Lock'
                """)
            ).scalar_one()
            if cut:
                return int(cut)
            await asyncio.sleep(0.005)


async def cut_all_commands(log: Engine) -> None:
    where = "from pg_stat_activity where datname = current_database() and application_name = 'tandem-commands'"
    with log.connect() as connection:
        connection.execute(text(f"select pg_terminate_backend(pid, 5000) {where}"))


async def deadlocks(log: Engine) -> int:
    with log.connect() as connection:
        return int(
            connection.execute(
                text("select deadlocks from pg_stat_database where datname = current_database()")
            ).scalar_one()
        )
