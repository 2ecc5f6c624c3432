"""An order as it stood at a moment of the past, through HTTP."""

from typing import Any

import pytest

from tests.support.client import Client

ORDER = """
    query ($id: ID!, $asOf: DateTime) {
      order(id: $id, asOf: $asOf) {
        id status version userName total { amount currency } itemNames updatedAt
        timeline { version type at } availableActions { name allowed }
      }
    }
"""


@pytest.fixture(scope="module")
def ada(staff: Client) -> str:
    return staff.registered("Ada")


@pytest.fixture(scope="module")
def order(staff: Client, ada: str) -> str:
    """An order that was paid, whose user was then renamed, and that was shipped at last."""
    order_id = staff.paid(staff.ordered(ada, staff.added("Tea", price="9.99")))
    assert staff.give("renameUser", {"userId": ada, "name": "Grace"})["__typename"] == "UserAccepted"
    return staff.shipped(order_id)


def shown(client: Client, order: str, as_of: str | None = None) -> Any:
    return client.ask(ORDER, id=order, asOf=as_of)["order"]


class TestAnOrderOfThePast:
    def test_is_what_its_events_until_then_made_of_it(self, staff: Client, order: str) -> None:
        now = shown(staff, order)
        placed, paid, shipped = (entry["at"] for entry in now["timeline"])
        assert (now["status"], now["userName"]) == ("SHIPPED", "Grace")
        then = shown(staff, order, placed)
        assert {name: then[name] for name in ("id", "status", "version", "userName", "total", "itemNames")} == {
            "id": order,
            "status": "PENDING",
            "version": 1,
            "userName": "Ada",
            "total": {"amount": "9.99", "currency": "USD"},
            "itemNames": "Tea",
        }
        assert then["timeline"] == now["timeline"][:1]
        assert {"name": "SHIP", "allowed": False} in then["availableActions"]
        assert [shown(staff, order, at)["status"] for at in (placed, paid, shipped)] == ["PENDING", "PAID", "SHIPPED"]

    def test_of_now_and_of_a_moment_to_come_is_the_row_itself(self, staff: Client, order: str) -> None:
        assert shown(staff, order, "2999-01-01T00:00:00Z") == shown(staff, order)

    def test_is_none_before_it_was_placed(self, staff: Client, order: str) -> None:
        assert shown(staff, order, "2001-01-01T00:00:00Z") is None

    def test_of_another_is_like_one_that_does_not_exist(self, staff: Client, ada: str, order: str) -> None:
        later = "2999-01-01T00:00:00Z"
        assert shown(staff.as_customer(ada), order, later) == shown(staff, order)
        assert shown(staff.as_customer(staff.registered("Eve")), order, later) is None
        assert shown(staff, ada, later) is None
        assert staff.as_nobody().errors(ORDER, id=order, asOf=later)[0][0] == "UNAUTHENTICATED"

    @pytest.mark.parametrize("moment", ["yesterday", "2026-13-01T00:00:00Z", ""])
    def test_of_no_moment_is_refused(self, moment: str, staff: Client, order: str) -> None:
        [(code, message)] = staff.errors(ORDER, id=order, asOf=moment)
        assert code == "BAD_USER_INPUT"
        assert "This is no moment: write it like 2026-01-31T12:00:00Z." in message
