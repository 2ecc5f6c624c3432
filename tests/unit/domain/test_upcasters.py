"""Older shapes are lifted one version at a time; what nobody can lift is refused, never guessed."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
import pytest

from domain import decoding
from domain.events import SCHEMA_VERSIONS
from domain.upcasters import UnknownShapeError, Upcaster, current_version, upcast
from tests.support.facts import REGISTERED, USER_ID

FIRST = {"customer": "Ada Lovelace", "cents": 1999}


def name_in_two(data: dict[str, Any]) -> dict[str, Any]:
    """Since version 2 a name has two parts."""
    first, _, last = data["customer"].partition(" ")
    return {"first": first, "last": last, "cents": data["cents"]}


def exact_amount(data: dict[str, Any]) -> dict[str, Any]:
    """Since version 3 an amount is a decimal number, as text."""
    return {"first": data["first"], "last": data["last"], "amount": str(Decimal(data["cents"]).scaleb(-2))}


def with_currency(data: dict[str, Any]) -> dict[str, Any]:
    """Since version 4 an amount says of what."""
    return data | {"currency": "USD"}


# How to write them: one step each, from a version to the next one, which never changes once it is released.
LIFTS: Mapping[tuple[str, int], Upcaster] = {
    ("InvoiceSent", 1): name_in_two,
    ("InvoiceSent", 2): exact_amount,
    ("InvoiceSent", 3): with_currency,
}


@pytest.fixture(autouse=True)
def invoices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fact that has had four shapes."""
    monkeypatch.setitem(SCHEMA_VERSIONS, "InvoiceSent", 4)


class TestUpcast:
    def test_goes_from_version_to_version(self) -> None:
        assert upcast("InvoiceSent", 1, FIRST, upcasters=LIFTS) == {
            "first": "Ada",
            "last": "Lovelace",
            "amount": "19.99",
            "currency": "USD",
        }

    def test_may_begin_in_the_middle(self) -> None:
        third = {"first": "Ada", "last": "Lovelace", "amount": "19.99"}
        assert upcast("InvoiceSent", 3, third, upcasters=LIFTS) == third | {"currency": "USD"}

    def test_leaves_todays_shape_as_it_is(self) -> None:
        assert upcast("InvoiceSent", 4, FIRST, upcasters=LIFTS) is FIRST

    def test_changes_nothing_of_what_it_was_given(self) -> None:
        given = dict(FIRST)
        upcast("InvoiceSent", 1, given, upcasters=LIFTS)
        assert given == FIRST

    @pytest.mark.parametrize("version", [0, 5, 99])
    def test_is_refused_for_a_version_that_is_not_known(self, version: int) -> None:
        with pytest.raises(UnknownShapeError, match=f"^InvoiceSent of version {version} is not known here$"):
            upcast("InvoiceSent", version, FIRST, upcasters=LIFTS)

    def test_is_refused_where_a_link_is_missing(self) -> None:
        broken = {key: lift for key, lift in LIFTS.items() if key != ("InvoiceSent", 2)}
        with pytest.raises(UnknownShapeError, match=r"^InvoiceSent of version 2 is not known here$"):
            upcast("InvoiceSent", 1, FIRST, upcasters=broken)


class TestCurrentVersion:
    def test_is_1_unless_a_shape_has_changed(self) -> None:
        assert (current_version("OrderPaid"), current_version("UserRegistered")) == (1, 2)


class TestReading:
    """As the log does it, with the upcasters that there are."""

    def test_lifts_a_user_of_before_there_were_currencies(self) -> None:
        written = {"user_id": str(USER_ID), "name": "Ada", "email": "ada@example.com"}
        assert decoding.fact("UserRegistered", 1, orjson.dumps(written).decode()) == REGISTERED

    @pytest.mark.parametrize(("type_", "version"), [("UserRegistered", 3), ("OrderPaid", 2), ("OrderPaid", 0)])
    def test_refuses_what_a_newer_version_of_this_code_wrote(self, type_: str, version: int) -> None:
        with pytest.raises(UnknownShapeError, match=f"^{type_} of version {version} is not known here$"):
            decoding.fact(type_, version, "{}")

    def test_refuses_a_fact_that_it_does_not_know(self) -> None:
        with pytest.raises(UnknownShapeError, match=r"^OrderTeleported is not known here$"):
            decoding.fact("OrderTeleported", 1, "{}")
