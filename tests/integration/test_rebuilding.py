"""A rebuild that cannot come to its end, as its operator sees it: it says why, and what to do."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from api import rebuilding, status_table
from domain.events import Event, OrderPaid
from projections import rebuild
from projections.projection import NEXT, Projection, Row
from projections.rebuild import Filled, RebuildError
from projections.views import user_orders_view
from tests.integration.test_runner import drain_all, runner
from tests.support.shop import Shop

ORDERS = user_orders_view.PROJECTION


def of_nothing(_: Row | None, event: Event) -> Row | None:
    raise ZeroDivisionError(f"for {event.version}")


def of_all_but_payments(row: Row | None, event: Event) -> Row | None:
    return of_nothing(row, event) if isinstance(event.fact, OrderPaid) else ORDERS.fold(row, event)


def build(projection: Projection, log: Engine, read: Engine) -> Any:
    return rebuilding.build(projection, log=log, read=read, anew=True, here=True)


@pytest.fixture
async def paid(fresh_shop: Shop, log: Engine, read: Engine) -> int:
    """Return how many orders there are, each created and paid."""
    tea = await fresh_shop.product()
    for _ in range(25):
        await fresh_shop.paid_order(await fresh_shop.user(), tea)
    drain_all(runner(log, read))
    return 25


@pytest.mark.usefixtures("paid")
async def test_a_fold_that_can_apply_nothing_is_named(
    log: Engine, read: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "_LEVEL_ENOUGH", 0)
    monkeypatch.setattr(rebuilding, "_IDLE_SECONDS", 0.5)
    broken = replace(ORDERS, fold=of_nothing, version=2)
    with pytest.raises(RebuildError) as refused:
        build(broken, log, read)
    assert str(refused.value) == (
        f"{ORDERS.name}__next cannot go on: CannotRunError: no event can be applied; the latest: "
        "ZeroDivisionError: for 1. Mend the cause, start the workers anew, and run this again."
    )
    assert rebuild.begin(broken, read=read)
    assert build(ORDERS, log, read).equal


async def test_streams_that_are_set_aside_in_the_new_table_are_told(
    paid: int, log: Engine, read: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    build(replace(ORDERS, fold=of_all_but_payments, version=2), log, read)
    told = " ".join(capsys.readouterr().out.split())
    assert f"Set aside in it, because an event could not be applied: {paid} streams." in told
    assert rebuild.filled(ORDERS.beside(NEXT), log=log, read=read).held == paid


@pytest.mark.usefixtures("paid")
async def test_where_both_tables_are_halted_it_is_told_what_both_lack(
    log: Engine, read: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    equal = build(ORDERS, log, read)
    halted = Filled(events=95, head=101, held=0, halted=("the log lacks an event",))
    rebuilding._tell(status_table.console(), ORDERS, equal, halted)
    told = " ".join(capsys.readouterr().out.split())
    assert "It lacks 6 events, and cannot go on: the log lacks an event. Mend the cause," in told
