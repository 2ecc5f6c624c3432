"""A poison event stops its own stream and nothing else; what it held up comes in its order, once it is mended."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from time import sleep
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine, text

from api.app import create_app
from api.auth import mint
from api.settings import Settings
from domain.commands import AddOrderItem, CancelOrder, ChangeUserEmail, DeliverOrder, PayOrder, RenameUser, ShipOrder
from domain.events import Event, OrderItemAdded
from domain.order import Line
from projections import lag, quarantine
from projections.catalogue import projections
from projections.projection import Projection, Row
from projections.retry import Retried, retry
from projections.views import products_view, user_orders_view, users_view
from tests.support import tables
from tests.support.projecting import drained, position_of, quarantined, rename_type, rewrite
from tests.support.shop import Shop, email, id_in

ORDERS = user_orders_view.PROJECTION
GARBAGE = {"garbage": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Two users of one partition, whose orders have each three events: created, an item added, paid."""

    shop: Shop
    fresh: Settings
    log: Engine
    read: Engine
    ada: UUID
    bob: UUID
    products: tuple[UUID, UUID]
    orders: tuple[UUID, ...]

    async def order(self, user: UUID) -> UUID:
        order_id = await self.shop.order(user, self.products[0])
        await self.shop.give(AddOrderItem(order_id=order_id, item=Line(product_id=self.products[1], quantity=2)))
        await self.shop.give(PayOrder(order_id=order_id, payment_reference="pi_1"))
        return order_id

    def drain(self, *projections: Projection, batch: int = 1000) -> None:
        assert drained(self.log, self.read, *projections, batch=batch)

    def shown(self) -> dict[str, dict[str, Any]]:
        return tables.read_tables(self.fresh.read.database_url)

    def orders_shown(self) -> dict[str, Any]:
        return self.shown()["user_orders_view"]

    def truth(self) -> dict[str, dict[str, Any]]:
        return tables.folded(self.log)

    def aside(self) -> dict[tuple[str, UUID], int]:
        return quarantined(self.fresh.read.database_url)

    def position(self, stream: UUID, version: int) -> int:
        return position_of(self.fresh.write.database_url, stream, version)

    def rewrite(self, stream: UUID, version: int, data: Mapping[str, Any]) -> dict[str, Any]:
        return rewrite(self.fresh.write.database_url, stream, version, data)

    def retry(self, *projections: Projection) -> list[Retried]:
        return [retry(projection, log=self.log, read=self.read) for projection in projections]

    def begin_again(self) -> None:
        with self.read.begin() as connection:
            connection.execute(
                text("truncate user_orders_view, users_view, products_view, daily_sales_view, quarantine")
            )
            connection.execute(text("update checkpoints set position = 0, event_id = null, held = 0, halted = null"))


@pytest.fixture
async def case(fresh_shop: Shop, fresh: Settings, log: Engine, read: Engine) -> Case:
    ada, bob = id_in(7), id_in(7)
    await fresh_shop.user(ada)
    await fresh_shop.user(bob)
    products = (await fresh_shop.product(price="9.99", stock=1000), await fresh_shop.product(price="0.50"))
    found = Case(shop=fresh_shop, fresh=fresh, log=log, read=read, ada=ada, bob=bob, products=products, orders=())
    return replace(found, orders=tuple([await found.order(user) for user in (ada, bob, ada)]))


Change = Callable[[dict[str, Any]], Mapping[str, Any]]
Fold = Callable[[Row | None, Event], Row | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """What is wrong with OrderItemAdded: what it says, or what the projection makes of it."""

    data: Change = dict
    fold: Fold = ORDERS.fold
    error: str

    def projection(self, stream: UUID) -> Projection:
        """Return a projection for which one order's event is poison."""

        def fold(row: Row | None, event: Event) -> Row | None:
            is_meant = event.stream_id == stream and isinstance(event.fact, OrderItemAdded)
            return (self.fold if is_meant else ORDERS.fold)(row, event)

        return replace(ORDERS, fold=fold)


def _raise(_: Row | None, event: Event) -> Row:
    raise ZeroDivisionError(f"for {event.version}")


def _nul(row: Row | None, event: Event) -> Row | None:
    return (ORDERS.fold(row, event) or {}) | {"carrier": "nobody\0knows"}


def _surrogate(row: Row | None, event: Event) -> Row | None:
    return (ORDERS.fold(row, event) or {}) | {"carrier": "\ud800"}


def _nothing(row: Row | None, event: Event) -> Row | None:
    return (ORDERS.fold(row, event) or {}) | {"currency": None}


POISONS = {
    "that is garbage": Poison(data=lambda _: GARBAGE, error="UnreadableError: "),
    "that is no object": Poison(data=lambda _: [1], error="UnreadableError: "),  # type: ignore[arg-type,return-value]
    "that a fold raises for": Poison(fold=_raise, error="ZeroDivisionError: for 2"),
    "with an amount that no column holds": Poison(
        data=lambda data: data | {"total": "1e200000"}, error="NumericValueOutOfRange: "
    ),
    "with a number of more than 64 bits": Poison(
        data=lambda data: data | {"line": data["line"] | {"quantity": 10**30}}, error="UnstorableError: "
    ),
    "with a text that PostgreSQL refuses": Poison(fold=_nul, error="UntranslatableCharacter: "),
    "with a text that is no text": Poison(fold=_surrogate, error="UnstorableError: "),
    "without a value that must be there": Poison(fold=_nothing, error="NotNullViolation: "),
}
every_poison = pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS.keys())


class TestAPoisonEvent:
    @every_poison
    async def test_stops_its_stream_alone_and_is_played_in_its_order_once_mended(
        self, poison: Poison, case: Case
    ) -> None:
        order, batches = case.orders[0], (1, 2, 3, 1000)
        truth = case.truth()["user_orders_view"]
        said = case.rewrite(order, 2, {})
        for batch in batches:
            case.begin_again()
            case.rewrite(order, 2, poison.data(said))
            case.drain(poison.projection(order), batch=batch)

            assert case.aside() == {("user_orders_view", order): case.position(order, 2)}
            [(name, error)] = [(held.projection, held.error) for held in everything_aside(case)]
            assert (name, error[: len(poison.error)]) == ("user_orders_view", poison.error)
            shown = case.orders_shown()
            row = shown.pop(str(order))
            assert shown == {key: row for key, row in truth.items() if key != str(order)}
            assert (row["version"], row["status"], row["item_count"], row["stale"]) == (1, "pending", 1, True)

            case.rewrite(order, 2, said)
            assert case.retry(ORDERS) == [Retried(streams=1, events=2)]
            assert case.aside() == {}
            assert case.orders_shown() == truth, f"batches of {batch}"

    @pytest.mark.parametrize("batch", [1, 4, 1000])
    async def test_of_each_kind_in_one_batch_stop_their_streams_alone(self, batch: int, case: Case) -> None:
        wanted = dict(zip([await case.order(case.bob) for _ in POISONS], POISONS.values(), strict=True))
        truth = case.truth()["user_orders_view"]
        said = {order: case.rewrite(order, 2, {}) for order in wanted}
        for order, poison in wanted.items():
            case.rewrite(order, 2, poison.data(said[order]))

        def fold(row: Row | None, event: Event) -> Row | None:
            poison = wanted.get(event.stream_id)
            return (poison.fold if poison and event.version == 2 else ORDERS.fold)(row, event)

        case.drain(replace(ORDERS, fold=fold), batch=batch)
        assert set(case.aside()) == {("user_orders_view", order) for order in wanted}
        assert {key for key, row in case.orders_shown().items() if row["stale"]} == {str(order) for order in wanted}
        for order, data in said.items():
            case.rewrite(order, 2, data)
        assert case.retry(ORDERS) == [Retried(streams=len(wanted), events=2 * len(wanted))]
        assert case.orders_shown() == truth

    async def test_lets_all_later_events_of_its_stream_pass_over_and_no_others(self, case: Case) -> None:
        order = case.orders[0]
        said = case.rewrite(order, 3, GARBAGE)
        case.drain()
        before, aside = case.orders_shown()[str(order)], case.aside()
        await case.shop.give(ShipOrder(order_id=order, carrier="DHL", tracking_number="1Z"))
        await case.shop.give(ShipOrder(order_id=case.orders[1], carrier="DHL", tracking_number="1Z"))
        await case.shop.give(DeliverOrder(order_id=order))
        case.drain()
        assert case.aside() == aside
        assert aside == {(name, order): case.position(order, 3) for name in case.shown()}
        shown = case.orders_shown()
        assert shown[str(order)] == before
        assert shown[str(case.orders[1])]["status"] == "shipped"

        case.rewrite(order, 3, said)
        done = case.retry(*projections())
        assert done == [Retried(streams=1, events=3)] * 4
        assert case.shown() == case.truth()
        assert case.orders_shown()[str(order)]["status"] == "delivered"

    async def test_leaves_the_lag_of_all_as_it_is_and_is_counted_where_it_was_set_aside(self, case: Case) -> None:
        order = case.orders[0]
        others = [projection for projection in projections() if projection is not ORDERS]
        case.drain(POISONS["that a fold raises for"].projection(order), *others)
        standings = lag.standings(log=case.log, read=case.read)
        assert [(each.name, each.state, each.lag, each.lag_seconds, each.quarantined) for each in standings] == [
            ("daily_sales_view", "LIVE", 0, 0.0, 0),
            ("products_view", "LIVE", 0, 0.0, 0),
            ("user_orders_view", "LIVE", 0, 0.0, 1),
            ("users_view", "LIVE", 0, 0.0, 0),
        ]

    async def test_makes_its_order_say_in_graphql_that_it_is_stale(self, case: Case) -> None:
        order = case.orders[0]
        said = case.rewrite(order, 3, GARBAGE)
        case.drain()
        document = '{ a: order(id: "%s") { version stale } b: order(id: "%s") { version stale } }'
        asked = document % (order, case.orders[1])
        assert await answered(case.fresh, asked) == {
            "a": {"version": 2, "stale": True},
            "b": {"version": 3, "stale": False},
        }
        case.rewrite(order, 3, said)
        case.retry(ORDERS)
        assert await answered(case.fresh, asked) == {
            "a": {"version": 3, "stale": False},
            "b": {"version": 3, "stale": False},
        }


class TestRetry:
    @pytest.mark.parametrize("poisoned", [1, 2, 3])
    async def test_of_an_order_shows_the_name_that_its_user_was_given_in_between(
        self, poisoned: int, case: Case
    ) -> None:
        await case.shop.give(RenameUser(user_id=case.ada, name="Ada Lovelace"))
        order = await case.order(case.ada)
        await case.shop.give(RenameUser(user_id=case.ada, name="Countess"))
        await case.shop.give(ChangeUserEmail(user_id=case.ada, email=email()))
        await case.shop.give(ShipOrder(order_id=order, carrier="DHL", tracking_number="1Z"))
        await case.shop.give(RenameUser(user_id=case.ada, name="Countess of Lovelace"))
        await case.shop.give(RenameUser(user_id=case.bob, name="Robert"))
        truth = case.truth()
        said = {each: case.rewrite(each, poisoned, {}) for each in (order, case.orders[0])}
        for batch in (1, 2, 3, 1000):
            case.begin_again()
            for each in said:
                case.rewrite(each, poisoned, GARBAGE)
            case.drain(batch=batch)
            assert len(case.aside()) == 2 * len(projections())
            assert (str(order) in case.orders_shown()) is (poisoned > 1)
            for each, data in said.items():
                case.rewrite(each, poisoned, data)
            case.retry(*projections())
            assert case.shown() == truth, f"batches of {batch}"
        assert case.orders_shown()[str(order)]["user_name"] == "Countess of Lovelace"

    async def test_of_a_rename_reaches_the_orders_of_before_and_leaves_later_names(self, case: Case) -> None:
        await case.shop.give(RenameUser(user_id=case.ada, name="Ada Lovelace"))
        await case.order(case.ada)
        await case.shop.give(RenameUser(user_id=case.ada, name="Countess"))
        await case.order(case.ada)
        truth, said = case.truth(), case.rewrite(case.ada, 2, GARBAGE)
        case.drain(batch=3)
        assert set(case.aside()) == {(name, case.ada) for name in case.shown()}
        case.rewrite(case.ada, 2, said)
        case.retry(*projections())
        assert case.shown() == truth

    async def test_of_a_user_s_registration_takes_its_orders_along(self, case: Case) -> None:
        truth, said = case.truth(), case.rewrite(case.ada, 1, GARBAGE)
        case.drain(batch=3)
        streams = {stream for name, stream in case.aside() if name == "users_view"}
        assert streams == {case.ada, case.orders[0], case.orders[2]}
        case.rewrite(case.ada, 1, said)
        case.retry(*projections())
        assert case.shown() == truth

    async def test_of_an_order_in_users_view_adds_up_and_puts_nothing_back(self, case: Case) -> None:
        await case.shop.give(CancelOrder(order_id=await case.shop.order(case.ada, case.products[0]), reason="late"))
        said = case.rewrite(case.orders[0], 2, GARBAGE)
        case.drain(users_view.PROJECTION)
        await case.order(case.ada)
        await case.shop.give(RenameUser(user_id=case.ada, name="Countess"))
        case.drain(users_view.PROJECTION)
        case.rewrite(case.orders[0], 2, said)
        assert case.retry(users_view.PROJECTION) == [Retried(streams=1, events=2)]
        assert case.shown()["users_view"] == case.truth()["users_view"]

    async def test_keeps_what_fails_again_from_its_new_position(self, case: Case) -> None:
        order = case.orders[0]
        await case.shop.give(ShipOrder(order_id=order, carrier="DHL", tracking_number="1Z"))
        truth = case.truth()["user_orders_view"]
        said = {version: case.rewrite(order, version, GARBAGE) for version in (2, 4)}
        case.drain(ORDERS)
        assert case.retry(ORDERS) == [Retried(still=1)]
        assert case.aside() == {("user_orders_view", order): case.position(order, 2)}

        case.rewrite(order, 2, said[2])
        assert case.retry(ORDERS) == [Retried(still=1)]
        assert case.aside() == {("user_orders_view", order): case.position(order, 4)}
        row = case.orders_shown()[str(order)]
        assert (row["version"], row["status"], row["stale"]) == (3, "paid", True)

        case.rewrite(order, 4, said[4])
        assert case.retry(ORDERS) == [Retried(streams=1, events=1)]
        assert case.orders_shown() == truth

    async def test_keeps_what_the_store_does_not_take_and_plays_all_else(self, case: Case) -> None:
        await case.shop.give(RenameUser(user_id=case.ada, name="Countess"))
        refused, taken, truth = case.orders[0], case.orders[2], case.truth()["user_orders_view"]
        said = {order: case.rewrite(order, 1, GARBAGE) for order in (refused, taken)}
        case.drain(ORDERS)
        for order, data in said.items():
            case.rewrite(order, 1, data)
        mended = POISONS["with a text that PostgreSQL refuses"].projection(refused)
        assert case.retry(mended) == [Retried(streams=1, events=3, still=1)]
        assert case.aside() == {("user_orders_view", refused): case.position(refused, 2)}
        shown = case.orders_shown()
        row = shown.pop(str(refused))
        assert (row["version"], row["user_name"], row["carrier"], row["stale"]) == (1, "Countess", None, True)
        assert shown == {key: row for key, row in truth.items() if key != str(refused)}

        assert case.retry(ORDERS) == [Retried(streams=1, events=2)]
        assert case.orders_shown() == truth

    async def test_that_fails_at_a_later_rename_puts_no_older_name_on_orders_that_came_after_it(
        self, case: Case
    ) -> None:
        await case.shop.give(RenameUser(user_id=case.ada, name="Countess"))
        await case.shop.give(RenameUser(user_id=case.ada, name="Countess of Lovelace"))
        order, truth = await case.order(case.ada), case.truth()
        said = {version: case.rewrite(case.ada, version, GARBAGE) for version in (2, 3)}
        case.drain(ORDERS)
        before = case.shown()
        assert before["user_orders_view"][str(order)]["user_name"] == "Countess of Lovelace"

        case.rewrite(case.ada, 2, said[2])
        assert case.retry(ORDERS) == [Retried(still=1)]
        assert case.shown() == before
        assert case.aside() == {("user_orders_view", case.ada): case.position(case.ada, 2)}

        case.rewrite(case.ada, 3, said[3])
        assert case.retry(ORDERS) == [Retried(streams=1, events=2)]
        assert case.orders_shown() == truth["user_orders_view"]

    async def test_plays_other_streams_beside_one_that_fails_at_a_later_rename(self, case: Case) -> None:
        await case.shop.give(RenameUser(user_id=case.ada, name="Countess"))
        await case.shop.give(RenameUser(user_id=case.ada, name="Countess of Lovelace"))
        order, truth = case.orders[1], case.truth()["user_orders_view"]
        said = {each: case.rewrite(*each, GARBAGE) for each in [(case.ada, 2), (case.ada, 3), (order, 2)]}
        case.drain(ORDERS)
        for each in [(case.ada, 2), (order, 2)]:
            case.rewrite(*each, said[each])
        assert case.retry(ORDERS) == [Retried(streams=1, events=2, still=1)]
        assert case.orders_shown()[str(order)] == truth[str(order)]
        assert case.aside() == {("user_orders_view", case.ada): case.position(case.ada, 2)}

    async def test_by_two_at_the_same_time_plays_all_once(self, case: Case) -> None:
        truth, said = case.truth(), case.rewrite(case.orders[0], 2, GARBAGE)
        case.drain()
        case.rewrite(case.orders[0], 2, said)
        with ThreadPoolExecutor(2) as threads, case.read.begin() as holder:
            holder.execute(text("select from checkpoints for update"))
            running = [threads.submit(case.retry, products_view.PROJECTION) for _ in range(2)]
            wait_for(2, case.read)
            holder.commit()
            done = [each.result() for each in running]
        assert sorted(retried.streams for [retried] in done) == [0, 1]
        assert case.shown()["products_view"] == truth["products_view"]


class TestAnInterruption:
    @pytest.mark.parametrize("what", ["key", "fold", "update"])
    async def test_of_a_fold_once_sets_nothing_aside(self, what: str, case: Case) -> None:
        for number in range(1, 9):
            case.begin_again()
            interrupted = replace(ORDERS, **{what: raising_at(number, getattr(ORDERS, what))})
            case.drain(interrupted, batch=4)
            assert case.aside() == {}
            assert case.orders_shown() == case.truth()["user_orders_view"]


class TestAProjectionThatFailsForEverything:
    @pytest.mark.parametrize("batch", [1, 5, 1000])
    async def test_halts_and_goes_on_by_itself_once_mended(self, batch: int, case: Case) -> None:
        for _ in range(8):
            for user in (case.ada, await case.shop.user(), await case.shop.user()):
                await case.shop.order(user, case.products[0])
        broken = replace(ORDERS, fold=_raise)
        assert not drained(case.log, case.read, broken, users_view.PROJECTION, products_view.PROJECTION, batch=batch)
        reasons = set(tables.halted(case.fresh.read.database_url).values())
        assert reasons == {"CannotRunError: no event can be applied; the latest: ZeroDivisionError: for 1"}
        assert {name for name, _ in tables.halted(case.fresh.read.database_url)} == {"user_orders_view"}
        assert len(case.aside()) < 20
        assert {key: case.shown()[key] for key in ("users_view", "products_view")} == {
            key: case.truth()[key] for key in ("users_view", "products_view")
        }
        [halted] = [each for each in lag.standings(log=case.log, read=case.read) if each.halted]
        assert (halted.name, halted.state, set(halted.halted)) == ("user_orders_view", "HALTED", reasons)

        case.drain(batch=batch)
        assert tables.halted(case.fresh.read.database_url) == {}
        case.retry(ORDERS)
        assert case.shown() == case.truth()

    @pytest.mark.parametrize("batch", [1, 1000])
    async def test_is_not_one_that_has_many_streams_aside_and_meets_one_more_poison(
        self, batch: int, case: Case
    ) -> None:
        aside = []
        for _ in range(25):
            aside.append(await case.order(case.bob))
            lone = await case.order(case.ada)
        said = {order: case.rewrite(order, 1, GARBAGE) for order in aside}
        case.drain(ORDERS, batch=batch)
        await case.shop.give(ShipOrder(order_id=lone, carrier="DHL", tracking_number="1Z"))
        case.rewrite(lone, 4, GARBAGE)
        case.drain(ORDERS, batch=batch)
        assert case.aside().keys() == {("user_orders_view", order) for order in [*said, lone]}

    async def test_because_the_store_refuses_all_of_it_halts_too(self, case: Case) -> None:
        for _ in range(20):
            await case.shop.order(case.ada, case.products[0])
        assert not drained(case.log, case.read, replace(ORDERS, fold=_nothing))
        [reason] = tables.halted(case.fresh.read.database_url).values()
        assert reason.startswith("CannotRunError: no event can be applied; the latest: NotNullViolation: ")
        assert case.aside() == {}


class TestAnEventOfANewerCode:
    async def test_halts_its_partition_alone_and_goes_on_after_the_deploy(self, case: Case) -> None:
        elsewhere = id_in(8)
        await case.shop.user(elsewhere)
        await case.shop.order(elsewhere, case.products[0])
        truth, write_url = case.truth(), case.fresh.write.database_url
        rename_type(write_url, case.orders[0], 3, "OrderGiftWrapped")
        assert not drained(case.log, case.read)
        last = case.position(case.orders[0], 3) - 1
        reason = "UnknownShapeError: OrderGiftWrapped is not known here"
        assert tables.halted(case.fresh.read.database_url) == {(name, 7): reason for name in truth}
        assert tables.checkpoints(case.fresh.read.database_url) == {
            name: tables.heads(case.log) | {7: last} for name in truth
        }
        assert case.aside() == {}

        rename_type(write_url, case.orders[0], 3, "OrderPaid")
        case.drain()
        assert tables.halted(case.fresh.read.database_url) == {}
        assert case.shown() == truth


def everything_aside(case: Case) -> list[Any]:
    with case.read.connect() as connection:
        return quarantine.everything(connection)


WAITING = text("""
    select count(*) from pg_stat_activity
    where datname = current_database() and query like '%skip locked%' and pid <> pg_backend_pid()
""")


def wait_for(retries: int, read: Engine) -> None:
    """Return once that many connections were told that the checkpoint is not free, and ask again."""
    found = 0
    while found < retries:  # each time anew: a transaction sees the activity as it was at its first look
        sleep(0.01)
        with read.connect() as connection:
            found = int(connection.execute(WAITING).scalar_one())


def raising_at(time: int, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    calls = iter(range(1, time + 1))

    def call(*arguments: Any) -> Any:
        if next(calls, 0) == time:
            raise TimeoutError("the time of this task is over")
        return otherwise(*arguments)

    return call


async def answered(settings: Settings, document: str) -> Any:
    app = create_app(settings)
    token = mint(settings.auth, subject="tests", role="staff")
    transport = httpx.ASGITransport(app=app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        answer = await http.post("/graphql", json={"query": document}, headers={"Authorization": f"Bearer {token}"})
    assert "errors" not in answer.json(), answer.json()
    return answer.json()["data"]
