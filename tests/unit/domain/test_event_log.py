"""Where an event belongs, for ever, and that a fact is read from the log as it was written."""

import random
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any, get_args, get_type_hints
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import event_log
from domain.event_log import Entry, Origin, partition_of_product, partition_of_user
from domain.events import FACTS, Event, Fact, OrderLine
from tests.support import facts

AMOUNTS = st.integers(0, 10**13).map(lambda cents: Decimal(cents).scaleb(-2))
EVENT_ID = UUID("0190b6a4-0000-7000-8000-00000000000e")


def built(kind: type) -> st.SearchStrategy[Any]:
    """Return facts of a kind, field by field; a field of another type than these needs a line here."""
    by_type: dict[object, Callable[[], st.SearchStrategy[Any]]] = {
        UUID: st.uuids,
        str: st.text,
        Decimal: lambda: AMOUNTS,
        int: lambda: st.integers(1, 10_000),
        bool: st.booleans,
        OrderLine: lambda: built(OrderLine),
        int | None: lambda: st.none() | st.integers(0, 10**9),
        tuple[OrderLine, ...]: lambda: st.lists(built(OrderLine), max_size=4).map(tuple),
    }
    return st.builds(kind, **{name: by_type[hint]() for name, hint in get_type_hints(kind).items()})


def written_and_read(event: Event) -> Event:
    """Take an event through what `append` writes and `read` makes of it, the database left out."""
    stored = event_log._stored(Entry(event_id=EVENT_ID, event=event, origin=Origin(actor=event.actor)))
    row = orjson.loads(orjson.dumps(stored, default=str))
    data = orjson.dumps(row["data"]).decode()
    place = (event.partition, event.position, event.stream_id, row["stream_type"], row["version"])
    shape = row["schema_version"]
    [read] = event_log.events_of([(*place, row["type"], shape, data, row["metadata"]["actor"], event.at)])
    return read


class TestPartition:
    """Pinned: were one of these to change, old events and new ones of a stream would be in two partitions."""

    @pytest.mark.parametrize(
        ("key", "of_user", "of_product"),
        [
            ("00000000-0000-0000-0000-000000000000", 37, 53),
            ("00000000-0000-0000-0000-000000000001", 19, 51),
            ("80000000-0000-0000-0000-000000000000", 33, 49),
            ("0190b6a4-3c5e-7d2a-9f00-6c1b2a3d4e5f", 46, 62),
            ("ffffffff-ffff-ffff-ffff-ffffffffffff", 10, 58),
        ],
    )
    def test_is_the_same_for_ever(self, key: str, of_user: int, of_product: int) -> None:
        assert (partition_of_user(UUID(key)), partition_of_product(UUID(key))) == (of_user, of_product)

    @given(st.uuids())
    def test_of_a_user_is_one_of_the_first_48_and_of_a_product_one_of_the_others(self, key: UUID) -> None:
        assert partition_of_user(key) in range(48)
        assert partition_of_product(key) in range(48, 64)

    @pytest.mark.parametrize(("of", "partitions"), [(partition_of_user, 48), (partition_of_product, 16)])
    def test_gets_about_as_many_as_any_other(self, of: Callable[[UUID], int], partitions: int) -> None:
        some = random.Random(1)
        # Ids of one moment, as a server makes them: the same first bytes, chance in the others.
        keys = [UUID(int=(0x0190B6A43C5E7000 << 64) | 1 << 63 | some.getrandbits(62)) for _ in range(48_000)]
        counts = Counter(of(key) for key in keys)
        fair = 48_000 / partitions
        assert len(counts) == partitions
        assert all(0.8 * fair < count < 1.2 * fair for count in counts.values())


class TestFacts:
    def test_are_all_known_to_the_log_by_their_names(self) -> None:
        assert {fact.__name__: fact for fact in get_args(Fact)} == FACTS

    @pytest.mark.parametrize("kind", FACTS.values())
    @given(data=st.data())
    def test_are_read_as_they_were_written(self, kind: type[Fact], data: st.DataObject) -> None:
        event = Event(
            stream_type="order",
            stream_id=facts.ORDER_ID,
            version=3,
            fact=data.draw(built(kind)),
            at=facts.START,
            actor="staff:tests",
            partition=7,
            position=11,
        )
        assert written_and_read(event) == event

    def test_keep_the_decimals_of_an_amount(self) -> None:
        read = written_and_read(facts.event(facts.ADDED)).fact
        assert read == facts.ADDED
        assert str(read.price) == "9.99"


class TestStored:
    def test_is_what_is_written_field_by_field(self) -> None:
        origin = Origin(actor="staff:tests", idempotency_key="k", correlation_id="c")
        assert event_log._stored(Entry(event_id=EVENT_ID, event=facts.event(facts.PAID, version=2), origin=origin)) == {
            "event_id": EVENT_ID,
            "stream_id": facts.ORDER_ID,
            "stream_type": "order",
            "version": 2,
            "type": "OrderPaid",
            "schema_version": 1,
            "data": facts.PAID,
            "metadata": {"actor": "staff:tests", "idempotencyKey": "k", "correlationId": "c"},
            "occurred_at": facts.START,
        }

    def test_leaves_out_what_the_request_did_not_have(self) -> None:
        entry = Entry(event_id=EVENT_ID, event=facts.event(facts.PAID), origin=Origin(actor="nobody"))
        assert event_log._stored(entry)["metadata"] == {"actor": "nobody"}
