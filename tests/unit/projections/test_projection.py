"""What holds for every projection that the catalogue finds: folds are pure, whole, and say so when a row is missing."""

from copy import deepcopy
from uuid import UUID

import pytest

from domain.events import FACTS, Event, Fact, OrderCreated, ProductAdded, UserRegistered
from projections.catalogue import projections
from projections.projection import MissingRowError, Projection, Row, fold_all, known
from projections.views import daily_sales_view
from tests.support import facts
from tests.support.facts import event

# One of every fact, in the order in which they happen.
HISTORY = tuple(event(fact, version=number, minutes=number) for number, fact in enumerate(facts.ALL, start=1))
# What may come first; all else changes a row that must be there.
FIRSTS = (UserRegistered, ProductAdded, OrderCreated)


def steps(projection: Projection) -> list[tuple[Row | None, Event]]:
    """Return each event that concerns the projection, with the row before it."""
    rows: dict[UUID, Row | None] = {}
    found = []
    for happened in HISTORY:
        key = projection.key(happened)
        if key is not None:
            found.append((rows.get(key), happened))
            rows[key] = projection.fold(rows.get(key), happened)
    return found


FOLDING = [projection for projection in projections() if any(map(projection.key, HISTORY))]
every_fold = pytest.mark.parametrize("projection", FOLDING, ids=lambda projection: projection.name)
every_projection = pytest.mark.parametrize("projection", projections(), ids=lambda projection: projection.name)


class TestHistory:
    def test_has_every_fact_there_is(self) -> None:
        assert [type(happened.fact) for happened in HISTORY] == list(FACTS.values())


@every_fold
class TestFold:
    def test_gives_a_value_for_every_column_and_no_other(self, projection: Projection) -> None:
        columns = set(projection.table.__table__.columns.keys()) - projection.counters - {"log_position"}
        folded = [projection.fold(row, happened) for row, happened in steps(projection)]
        assert folded
        assert [set(row) for row in folded if row is not None] == [columns] * len(folded)

    def test_never_changes_the_row_that_it_is_given(self, projection: Projection) -> None:
        for row, happened in steps(projection):
            before = deepcopy(row)
            projection.fold(row, happened)
            assert row == before

    def test_gives_another_row_where_anything_changes(self, projection: Projection) -> None:
        for row, happened in steps(projection):
            after = projection.fold(row, happened)
            assert (after is row) == (after == row)

    def test_gives_the_same_row_again_for_the_same_events(self, projection: Projection) -> None:
        for row, happened in steps(projection):
            assert projection.fold(row, happened) == projection.fold(deepcopy(row), happened)

    def test_leaves_a_row_alone_that_an_event_does_not_concern(self, projection: Projection) -> None:
        [(_, first), *_] = steps(projection)
        row = projection.fold(None, first)
        for happened in HISTORY:
            if projection.key(happened) is None:
                assert projection.fold(row, happened) is row


@every_projection
class TestAdd:
    def test_adds_to_counters_only(self, projection: Projection) -> None:
        added = [amounts for happened in HISTORY for _, amounts in projection.add(happened)]
        assert bool(added) == bool(projection.counters)
        assert all(set(amounts) <= projection.counters for amounts in added)

    def test_names_rows_by_their_whole_key(self, projection: Projection) -> None:
        columns = projection.table.__table__.primary_key.columns
        keys = [key for happened in HISTORY for key, _ in projection.add(happened)]
        types = tuple(column.type.python_type for column in columns)
        assert {tuple(type(value) for value in key) for key in keys} <= {types}


@every_projection
class TestUpdate:
    def test_names_columns_of_the_table_and_never_its_key_or_counters(self, projection: Projection) -> None:
        table = projection.table.__table__
        columns, keys = set(table.columns.keys()), set(table.primary_key.columns.keys())
        for happened in HISTORY:
            if (change := projection.update(happened)) is not None:
                assert set(change.where) <= columns - projection.counters
                assert set(change.values) <= columns - keys - projection.counters - {"log_position"}

    def test_is_the_same_again_for_the_same_event(self, projection: Projection) -> None:
        assert [projection.update(each) for each in HISTORY] == [projection.update(each) for each in HISTORY]


class TestAProjectionWithoutAFold:
    def test_concerns_no_row_of_its_own(self) -> None:
        adding = Projection(table=daily_sales_view.DailySalesView)
        assert [adding.key(happened) for happened in HISTORY] == [None] * len(HISTORY)
        assert adding.fold(None, HISTORY[0]) is None


class TestFoldAll:
    def test_is_none_without_events(self) -> None:
        assert [fold_all(projection, ()) for projection in projections()] == [None] * len(projections())


class TestKnown:
    def test_is_the_row_itself(self) -> None:
        row: Row = {"version": 1}
        assert known(row, event(facts.PAID)) is row

    def test_refuses_an_event_that_came_before_its_row(self) -> None:
        message = f"^OrderPaid came before the row of stream {facts.ORDER_ID} existed$"
        with pytest.raises(MissingRowError, match=message):
            known(None, event(facts.PAID))

    @every_projection
    @pytest.mark.parametrize("fact", facts.ALL, ids=lambda fact: type(fact).__name__)
    def test_is_asked_by_every_fold_but_that_of_a_row_s_first_event(self, projection: Projection, fact: Fact) -> None:
        happened = event(fact)
        if projection.key(happened) is None:
            assert projection.fold(None, happened) is None
        elif begins(projection, fact):
            assert projection.fold(None, happened) is not None
        else:
            with pytest.raises(MissingRowError):
                projection.fold(None, happened)


def begins(projection: Projection, fact: Fact) -> bool:
    """Return whether a fact is the first of a row: of its own stream's row, not of another's such as a buyer's."""
    return isinstance(fact, FIRSTS) and event(fact).stream_id == projection.key(event(fact))
