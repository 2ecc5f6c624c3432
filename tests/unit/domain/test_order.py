"""The rules of orders: what may be ordered and for how much, and which way an order goes."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import order
from domain.errors import Refusal
from domain.events import OrderCreated, OrderLine, OrderPaid, OrderShipped
from domain.order import Action, Buyer, CatalogueItem, Line, OrderState, Status
from tests.support.deciding import invalid, refused
from tests.support.facts import CREATED, MUG_ID, ORDER_ID, PAID, SHIPPED, TEA_ID, USER_ID

ADA = Buyer(user_id=USER_ID, name="Ada", email="ada@example.com")
TEA = CatalogueItem(product_id=TEA_ID, sku="TEA", name="Tea, green", price=Decimal("9.99"), stock=100, retired=False)
MUG = CatalogueItem(product_id=MUG_ID, sku="MUG", name="Mug", price=Decimal("0.01"), stock=None, retired=False)
TWO_TEAS_AND_A_MUG = (Line(product_id=TEA_ID, quantity=2), Line(product_id=MUG_ID, quantity=1))
PENDING = OrderState(order_id=ORDER_ID, user_id=USER_ID, status=Status.PENDING, version=1)


def create(*lines: Line, of: tuple[CatalogueItem, ...] = (TEA, MUG), **given: Any) -> OrderCreated:
    how: dict[str, Any] = {"expected_total": None, "may_set_prices": False}
    catalogue = {item.product_id: item for item in of}
    return order.create(order_id=ORDER_ID, number="100001", buyer=ADA, lines=lines, catalogue=catalogue, **how | given)


def product_id(number: int) -> UUID:
    return UUID(int=number)


def some_lines(count: int) -> list[Line]:
    return [Line(product_id=product_id(number), quantity=1) for number in range(count)]


class TestCheckLines:
    @pytest.mark.parametrize("count", [1, 200])
    def test_lets_an_order_of_1_to_200_lines_pass(self, count: int) -> None:
        order.check_lines(some_lines(count))

    def test_refuses_an_order_of_nothing(self) -> None:
        assert refused(order.check_lines, []) == invalid("An order needs at least one item.", "items")

    def test_refuses_more_than_200_lines(self) -> None:
        expected = invalid("An order has at most 200 items; this one has 201.", "items")
        assert refused(order.check_lines, some_lines(201)) == expected

    def test_refuses_the_same_product_twice_and_names_both_lines(self) -> None:
        lines = [*some_lines(3), Line(product_id=product_id(1), quantity=1)]
        message = "The product of items.1 comes again: order each product once, with the quantities added up."
        assert refused(order.check_lines, lines) == invalid(message, "items", "3", "productId")

    @pytest.mark.parametrize("quantity", [1, 10_000])
    def test_lets_a_quantity_of_1_to_10_000_pass(self, quantity: int) -> None:
        order.check_lines([Line(product_id=TEA_ID, quantity=quantity)])

    @pytest.mark.parametrize("quantity", [0, -1, 10_001, 2**70])
    def test_refuses_another_quantity(self, quantity: int) -> None:
        lines = [*some_lines(1), Line(product_id=TEA_ID, quantity=quantity)]
        message = f"The quantity must be between 1 and 10000; this one is {quantity}."
        assert refused(order.check_lines, lines) == invalid(message, "items", "1", "quantity")


class TestCreate:
    def test_takes_names_and_prices_from_the_catalogue(self) -> None:
        assert create(*TWO_TEAS_AND_A_MUG) == CREATED

    def test_is_refused_with_a_product_that_does_not_exist(self) -> None:
        assert refused(create, *TWO_TEAS_AND_A_MUG, of=(TEA,)) == {
            "code": "NOT_FOUND",
            "message": "There is no product with this id.",
            "path": ("items", "1", "productId"),
            "id": MUG_ID,
        }

    def test_is_refused_with_a_retired_product(self) -> None:
        message = "Mug is retired and can no longer be ordered: leave it out."
        expected = invalid(message, "items", "1", "productId")
        assert refused(create, *TWO_TEAS_AND_A_MUG, of=(TEA, replace(MUG, retired=True))) == expected

    def test_takes_the_last_piece(self) -> None:
        assert create(*TWO_TEAS_AND_A_MUG, of=(replace(TEA, stock=2), MUG)) == CREATED

    @pytest.mark.parametrize("stock", [0, 1])
    def test_is_refused_where_the_stock_does_not_suffice(self, stock: int) -> None:
        assert refused(create, *TWO_TEAS_AND_A_MUG, of=(replace(TEA, stock=stock), MUG)) == {
            "code": "INSUFFICIENT_STOCK",
            "message": f"Of Tea, green, {stock} can be ordered, not 2.",
            "path": ("items", "0", "quantity"),
            "product_id": TEA_ID,
            "requested": 2,
            "available": stock,
        }

    def test_is_refused_with_a_price_of_the_customers_own(self) -> None:
        line = Line(product_id=TEA_ID, quantity=1, unit_price=Decimal("9.99"))
        message = "Only staff may set a price: leave unitPrice out, the catalogue's counts."
        assert refused(create, line) == invalid(message, "items", "0", "unitPrice")

    def test_takes_a_price_that_staff_set(self) -> None:
        line = Line(product_id=TEA_ID, quantity=3, unit_price=Decimal("5.5"))
        created = create(line, may_set_prices=True)
        assert (created.lines, created.total) == (
            (OrderLine(product_id=TEA_ID, sku="TEA", name="Tea, green", quantity=3, unit_price=Decimal("5.50")),),
            Decimal("16.50"),
        )

    @pytest.mark.parametrize(
        ("price", "message"),
        [
            ("9.999", "The unit price must have at most two decimals, such as 10.00."),
            ("-0.01", "The unit price must not be below zero."),
            ("NaN", "The unit price must be a number such as 59.97."),
            ("Infinity", "The unit price must be a number such as 59.97."),
            ("1000000000.01", "The unit price must be at most 1000000000.00."),
        ],
    )
    def test_is_refused_with_a_price_that_is_none(self, price: str, message: str) -> None:
        line = Line(product_id=TEA_ID, quantity=1, unit_price=Decimal(price))
        assert refused(create, line, may_set_prices=True) == invalid(message, "items", "0", "unitPrice")

    def test_is_refused_where_it_costs_nothing(self) -> None:
        line = Line(product_id=TEA_ID, quantity=10, unit_price=Decimal(0))
        assert refused(create, line, may_set_prices=True) == invalid("Order total must be positive", "items")

    def test_may_hold_a_gift(self) -> None:
        gift = Line(product_id=TEA_ID, quantity=1, unit_price=Decimal(0))
        created = create(gift, Line(product_id=MUG_ID, quantity=1), may_set_prices=True)
        assert created.total == Decimal("0.01")

    @pytest.mark.parametrize("total", ["19.99", "19.990"])
    def test_takes_the_total_that_was_expected(self, total: str) -> None:
        assert create(*TWO_TEAS_AND_A_MUG, expected_total=Decimal(total)) == CREATED

    @pytest.mark.parametrize("total", ["19.98", "20", "0", "-19.99"])
    def test_is_refused_where_another_total_was_expected(self, total: str) -> None:
        assert refused(create, *TWO_TEAS_AND_A_MUG, expected_total=Decimal(total)) == {
            "code": "TOTAL_MISMATCH",
            "message": f"The total is 19.99, not {total}: show it to the buyer, then order again with it.",
            "path": ("expectedTotal",),
            "expected_total": Decimal(total),
            "actual_total": Decimal("19.99"),
        }

    @given(
        st.lists(st.tuples(st.integers(0, 10**11), st.integers(1, 10_000)), min_size=1, max_size=30),
        st.booleans(),
    )
    def test_totals_its_lines_to_the_cent_and_is_never_for_nothing(
        self, wanted: list[tuple[int, int]], set_by_staff: bool
    ) -> None:
        prices = [Decimal(cents).scaleb(-2) for cents, _ in wanted]
        lines = [
            Line(product_id=product_id(number), quantity=quantity, unit_price=prices[number] if set_by_staff else None)
            for number, (_, quantity) in enumerate(wanted)
        ]
        catalogue = tuple(replace(MUG, product_id=product_id(n), price=price) for n, price in enumerate(prices))
        cents = sum(price * quantity for price, quantity in wanted)

        if cents == 0:
            assert refused(create, *lines, of=catalogue, may_set_prices=True)["message"] == (
                "Order total must be positive"
            )
            return
        created = create(*lines, of=catalogue, may_set_prices=True)

        assert created.total * 100 == sum(line.total for line in created.lines) * 100 == cents
        assert created.total.as_tuple().exponent == -2

    def test_adds_the_largest_orders_up_exactly(self) -> None:
        dearest = Decimal("999999999.99")
        lines = [replace(line, quantity=10_000) for line in some_lines(200)]
        catalogue = tuple(replace(MUG, product_id=line.product_id, price=dearest) for line in lines)
        assert create(*lines, of=catalogue).total == Decimal("1999999999980000.00")


class TestPay:
    def test_is_a_fact_with_its_reference_tidied(self) -> None:
        assert order.pay(PENDING, payment_reference=" pi_1 ") == PAID

    @pytest.mark.parametrize("status", [status for status in Status if status is not Status.PENDING])
    def test_is_refused_unless_pending(self, status: Status) -> None:
        assert refused(order.pay, replace(PENDING, status=status), payment_reference="pi_1") == {
            "code": "INVALID_TRANSITION",
            "message": f"A {status} order cannot be paid.",
            "path": ("orderId",),
            "status": status,
            "action": Action.PAY,
        }

    @pytest.mark.parametrize(
        ("reference", "message"),
        [
            (" ", "The payment reference must not be empty."),
            ("a" * 201, "The payment reference must have at most 200 characters; this one has 201."),
            ("pi\0", "The payment reference must not contain control characters or NUL: remove them."),
        ],
    )
    def test_is_refused_without_a_reference(self, reference: str, message: str) -> None:
        assert refused(order.pay, PENDING, payment_reference=reference) == invalid(message, "paymentReference")


class TestShip:
    def test_is_a_fact_with_its_text_tidied(self) -> None:
        paid = replace(PENDING, status=Status.PAID)
        assert order.ship(paid, carrier=" DHL ", tracking_number=" JD01 ") == SHIPPED

    def test_is_refused_while_pending_and_says_what_to_do(self) -> None:
        assert refused(order.ship, PENDING, carrier="DHL", tracking_number="JD01") == {
            "code": "INVALID_TRANSITION",
            "message": "A pending order cannot be shipped; pay it first.",
            "path": ("orderId",),
            "status": Status.PENDING,
            "action": Action.SHIP,
        }

    @pytest.mark.parametrize(
        ("given", "message", "field"),
        [
            ({"carrier": ""}, "The carrier must not be empty.", "carrier"),
            ({"carrier": "D\nHL"}, "The carrier must not contain control characters or NUL: remove them.", "carrier"),
            ({"tracking_number": ""}, "The tracking number must not be empty.", "trackingNumber"),
            (
                {"tracking_number": "1" * 201},
                "The tracking number must have at most 200 characters; this one has 201.",
                "trackingNumber",
            ),
        ],
    )
    def test_is_refused_where_a_field_does_not_fit(self, given: dict[str, str], message: str, field: str) -> None:
        paid = replace(PENDING, status=Status.PAID)
        parcel = {"carrier": "DHL", "tracking_number": "JD01"}
        assert refused(order.ship, paid, **parcel | given) == invalid(message, field)


# The lifecycle as it was promised, written down once more: `TRANSITIONS` must say the same.
ALLOWED = {
    (Status.PENDING, Action.PAY): Status.PAID,
    (Status.PAID, Action.SHIP): Status.SHIPPED,
}
DONE = {Action.PAY: "paid", Action.SHIP: "shipped"}
INSTEAD = {(Status.PENDING, Action.SHIP): "; pay it first"}


class TestMove:
    @pytest.mark.parametrize("status", Status)
    @pytest.mark.parametrize("action", Action)
    def test_leads_where_the_lifecycle_says_and_nowhere_else(self, status: Status, action: Action) -> None:
        if (status, action) in ALLOWED:
            assert order.move(status, action) is ALLOWED[status, action]
            return
        instead = INSTEAD.get((status, action), "")
        assert refused(order.move, status, action) == {
            "code": "INVALID_TRANSITION",
            "message": f"A {status} order cannot be {DONE[action]}{instead}.",
            "path": ("orderId",),
            "status": status,
            "action": action,
        }

    @given(st.lists(st.sampled_from(Action)))
    def test_never_comes_back_to_a_status(self, actions: list[Action]) -> None:
        been = [Status.PENDING]
        for action in actions:
            try:
                been.append(order.move(been[-1], action))
            except Refusal:
                continue
        assert len(been) == len(set(been))


class TestFacts:
    @pytest.mark.parametrize("fact", [OrderPaid, OrderShipped, OrderCreated])
    def test_of_an_order_name_its_user_so_that_they_share_a_partition(self, fact: type) -> None:
        assert {"order_id", "user_id"} <= set(fact.__dataclass_fields__)
