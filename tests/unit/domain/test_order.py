"""The rules of orders: what may be ordered and for how much, how an order changes, and what it is told instead."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import order
from domain.events import (
    FACTS,
    OrderCreated,
    OrderItemAdded,
    OrderItemQuantityChanged,
    OrderLine,
    OrderRefunded,
)
from domain.lifecycle import Status
from domain.money import LARGEST_TOTAL, Currency
from domain.order import Buyer, CatalogueItem, Line, OrderState, Pricing
from tests.support.deciding import invalid, refused
from tests.support.facts import (
    A_MUG,
    CANCELLED,
    CREATED,
    DELIVERED,
    ITEM_ADDED,
    ITEM_REMOVED,
    MUG_ID,
    ORDER_ID,
    PAID,
    POT_ID,
    QUANTITY_CHANGED,
    REFUNDED,
    SHIPPED,
    TEA_ID,
    TWO_TEAS,
    USER_ID,
)
from tests.support.shop import USD

ADA = Buyer(user_id=USER_ID, name="Ada", email="ada@example.com")
TEA = CatalogueItem(
    product_id=TEA_ID, sku="TEA", name="Tea, green", price=Decimal("9.99"), currency="USD", stock=100, retired=False
)
MUG = CatalogueItem(
    product_id=MUG_ID, sku="MUG", name="Mug", price=Decimal("0.01"), currency="USD", stock=None, retired=False
)
POT = CatalogueItem(
    product_id=POT_ID, sku="POT", name="Pot", price=Decimal("5.00"), currency="USD", stock=3, retired=False
)
TWO_TEAS_AND_A_MUG = (Line(product_id=TEA_ID, quantity=2), Line(product_id=MUG_ID, quantity=1))
PENDING = OrderState(
    currency="USD", order_id=ORDER_ID, user_id=USER_ID, status=Status.PENDING, version=1, lines=(TWO_TEAS, A_MUG)
)
CUSTOMERS = Pricing(currency=USD, may_set_prices=False)
STAFFS = Pricing(currency=USD, may_set_prices=True)

UNFIT_PRICES = [
    ("9.999", "The unit price must have at most two decimals, such as 10.00."),
    ("-0.01", "The unit price must not be below zero."),
    ("NaN", "The unit price must be a number such as 59.97."),
    ("Infinity", "The unit price must be a number such as 59.97."),
    ("1000000000.01", "The unit price must be at most 1000000000.00."),
]
NO_PRICE_OF_ONES_OWN = "Only staff may set a price: leave unitPrice out, the catalogue's counts."
TOO_DEAR = "The order total must be at most 1000000000000; split the order."
NOT_IN_IT = {
    "code": "NOT_FOUND",
    "message": "This order has no item of this product.",
    "path": ("productId",),
    "id": POT_ID,
}


def create(*lines: Line, of: tuple[CatalogueItem, ...] = (TEA, MUG), **given: Any) -> OrderCreated:
    how: dict[str, Any] = {"expected_total": None, "pricing": CUSTOMERS}
    catalogue = {item.product_id: item for item in of}
    return order.create(order_id=ORDER_ID, number="100001", buyer=ADA, lines=lines, catalogue=catalogue, **how | given)


def add(
    wanted: Line,
    *,
    to: OrderState = PENDING,
    of: tuple[CatalogueItem, ...] = (TEA, MUG, POT),
    pricing: Pricing = CUSTOMERS,
) -> OrderItemAdded:
    return order.add_item(to, item=wanted, catalogue={item.product_id: item for item in of}, pricing=pricing)


def change(
    product_id: UUID, quantity: int, *, of: tuple[CatalogueItem, ...] = (TEA, MUG), at: OrderState = PENDING
) -> OrderItemQuantityChanged:
    catalogue = {item.product_id: item for item in of}
    return order.change_quantity(at, product_id=product_id, quantity=quantity, catalogue=catalogue)


def in_status(status: Status) -> OrderState:
    return replace(PENDING, status=status)


def bought(number: int, **given: Any) -> OrderLine:
    line = OrderLine(product_id=product_id(number), sku="S", name="N", quantity=1, unit_price=Decimal("0.01"))
    return replace(line, **given)


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

    def test_is_refused_with_a_product_that_is_priced_in_another_currency(self) -> None:
        message = "Mug is priced in EUR, not in USD: change its price first."
        expected = invalid(message, "items", "1", "productId")
        assert refused(create, *TWO_TEAS_AND_A_MUG, of=(TEA, replace(MUG, currency="EUR"))) == expected

    def test_is_in_the_shop_s_currency(self) -> None:
        yen = replace(MUG, currency="JPY", price=Decimal(120))
        pricing = Pricing(currency=Currency.of("JPY"), may_set_prices=False)
        created = create(Line(product_id=MUG_ID, quantity=3), of=(yen,), pricing=pricing)
        assert (created.currency, str(created.total)) == ("JPY", "360")

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
        assert refused(create, line) == invalid(NO_PRICE_OF_ONES_OWN, "items", "0", "unitPrice")

    def test_takes_a_price_that_staff_set(self) -> None:
        line = Line(product_id=TEA_ID, quantity=3, unit_price=Decimal("5.5"))
        created = create(line, pricing=STAFFS)
        assert (created.lines, created.total) == (
            (OrderLine(product_id=TEA_ID, sku="TEA", name="Tea, green", quantity=3, unit_price=Decimal("5.50")),),
            Decimal("16.50"),
        )

    @pytest.mark.parametrize(("price", "message"), UNFIT_PRICES)
    def test_is_refused_with_a_price_that_is_none(self, price: str, message: str) -> None:
        line = Line(product_id=TEA_ID, quantity=1, unit_price=Decimal(price))
        assert refused(create, line, pricing=STAFFS) == invalid(message, "items", "0", "unitPrice")

    def test_is_refused_where_it_costs_nothing(self) -> None:
        line = Line(product_id=TEA_ID, quantity=10, unit_price=Decimal(0))
        assert refused(create, line, pricing=STAFFS) == invalid("Order total must be positive", "items")

    def test_may_hold_a_gift(self) -> None:
        gift = Line(product_id=TEA_ID, quantity=1, unit_price=Decimal(0))
        created = create(gift, Line(product_id=MUG_ID, quantity=1), pricing=STAFFS)
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
    def test_totals_its_lines_to_the_cent_and_is_never_for_nothing_or_for_too_much(
        self, wanted: list[tuple[int, int]], set_by_staff: bool
    ) -> None:
        prices = [Decimal(cents).scaleb(-2) for cents, _ in wanted]
        lines = [
            Line(product_id=product_id(number), quantity=quantity, unit_price=prices[number] if set_by_staff else None)
            for number, (_, quantity) in enumerate(wanted)
        ]
        catalogue = tuple(replace(MUG, product_id=product_id(n), price=price) for n, price in enumerate(prices))
        cents = sum(price * quantity for price, quantity in wanted)

        if not 0 < cents <= 100 * LARGEST_TOTAL:
            message = TOO_DEAR if cents else "Order total must be positive"
            assert refused(create, *lines, of=catalogue, pricing=STAFFS) == invalid(message, "items")
            return
        created = create(*lines, of=catalogue, pricing=STAFFS)

        assert created.total * 100 == sum(line.total for line in created.lines) * 100 == cents
        assert created.total.as_tuple().exponent == -2

    def test_may_cost_a_million_millions_and_is_added_up_exactly(self) -> None:
        dearest = replace(MUG, price=Decimal("100000000.00"))
        assert create(Line(product_id=MUG_ID, quantity=10_000), of=(dearest,)).total == Decimal("1000000000000.00")

    def test_is_refused_where_it_costs_more_than_that(self) -> None:
        dearest = replace(MUG, price=Decimal("100000000.00"))
        lines = Line(product_id=MUG_ID, quantity=10_000), Line(product_id=POT_ID, quantity=1)
        cheapest = replace(POT, price=Decimal("0.01"))
        assert refused(create, *lines, of=(dearest, cheapest)) == invalid(TOO_DEAR, "items")

    def test_is_refused_at_the_largest_price_of_the_most_pieces_and_lines(self) -> None:
        lines = [replace(line, quantity=10_000) for line in some_lines(200)]
        catalogue = tuple(replace(MUG, product_id=line.product_id, price=Decimal(10**9)) for line in lines)
        assert refused(create, *lines, of=catalogue) == invalid(TOO_DEAR, "items")


class TestAddItem:
    def test_takes_name_and_price_from_the_catalogue_and_tells_the_new_total(self) -> None:
        assert add(Line(product_id=POT_ID, quantity=3)) == ITEM_ADDED

    @pytest.mark.parametrize("quantity", [0, -1, 10_001, 2**70])
    def test_is_refused_with_another_quantity_than_1_to_10_000(self, quantity: int) -> None:
        message = f"The quantity must be between 1 and 10000; this one is {quantity}."
        assert refused(add, Line(product_id=POT_ID, quantity=quantity)) == invalid(message, "item", "quantity")

    def test_is_refused_with_a_product_that_the_order_has_already(self) -> None:
        message = "This order has an item of this product already: change its quantity instead."
        assert refused(add, Line(product_id=TEA_ID, quantity=1)) == invalid(message, "item", "productId")

    def test_takes_the_200th_line(self) -> None:
        longer = replace(PENDING, lines=tuple(bought(number) for number in range(199)))
        assert add(Line(product_id=POT_ID, quantity=1), to=longer).total == Decimal("6.99")

    def test_is_refused_with_the_201st(self) -> None:
        longest = replace(PENDING, lines=tuple(bought(number) for number in range(200)))
        expected = invalid("An order has at most 200 items.", "item")
        assert refused(add, Line(product_id=POT_ID, quantity=1), to=longest) == expected

    def test_is_refused_with_a_product_that_does_not_exist(self) -> None:
        assert refused(add, Line(product_id=POT_ID, quantity=1), of=(TEA, MUG)) == {
            "code": "NOT_FOUND",
            "message": "There is no product with this id.",
            "path": ("item", "productId"),
            "id": POT_ID,
        }

    def test_is_refused_with_a_retired_product(self) -> None:
        message = "Pot is retired and can no longer be ordered: leave it out."
        retired = (replace(POT, retired=True),)
        assert refused(add, Line(product_id=POT_ID, quantity=1), of=retired) == invalid(message, "item", "productId")

    def test_is_refused_with_a_product_that_is_priced_in_another_currency(self) -> None:
        message = "Pot is priced in EUR, not in USD: change its price first."
        foreign = (replace(POT, currency="EUR"),)
        assert refused(add, Line(product_id=POT_ID, quantity=1), of=foreign) == invalid(message, "item", "productId")

    def test_is_refused_where_the_stock_does_not_suffice(self) -> None:
        assert refused(add, Line(product_id=POT_ID, quantity=4)) == {
            "code": "INSUFFICIENT_STOCK",
            "message": "Of Pot, 3 can be ordered, not 4.",
            "path": ("item", "quantity"),
            "product_id": POT_ID,
            "requested": 4,
            "available": 3,
        }

    def test_is_refused_with_a_price_of_the_customer_s_own(self) -> None:
        line = Line(product_id=POT_ID, quantity=1, unit_price=Decimal("5.00"))
        assert refused(add, line) == invalid(NO_PRICE_OF_ONES_OWN, "item", "unitPrice")

    def test_takes_a_price_that_staff_set(self) -> None:
        added = add(Line(product_id=POT_ID, quantity=3, unit_price=Decimal("4.5")), pricing=STAFFS)
        expected = replace(ITEM_ADDED.line, unit_price=Decimal("4.50"))
        assert added == replace(ITEM_ADDED, line=expected, total=Decimal("33.49"))

    def test_takes_a_gift(self) -> None:
        added = add(Line(product_id=POT_ID, quantity=1, unit_price=Decimal(0)), pricing=STAFFS)
        assert (added.line.total, added.total) == (Decimal("0.00"), Decimal("19.99"))

    @pytest.mark.parametrize(("price", "message"), UNFIT_PRICES)
    def test_is_refused_with_a_price_that_is_none(self, price: str, message: str) -> None:
        line = Line(product_id=POT_ID, quantity=1, unit_price=Decimal(price))
        assert refused(add, line, pricing=STAFFS) == invalid(message, "item", "unitPrice")

    def test_is_refused_where_the_order_would_cost_too_much(self) -> None:
        dear = (replace(POT, price=Decimal(10**9), stock=None),)
        expected = invalid(TOO_DEAR, "item")
        assert refused(add, Line(product_id=POT_ID, quantity=1_000), of=dear) == expected


class TestChangeQuantity:
    def test_tells_the_quantity_before_and_the_new_total(self) -> None:
        assert change(TEA_ID, 5) == QUANTITY_CHANGED

    def test_keeps_the_price_at_which_the_item_was_ordered(self) -> None:
        assert change(TEA_ID, 5, of=(replace(TEA, price=Decimal(99)), MUG)) == QUANTITY_CHANGED

    def test_may_go_down_to_one_piece(self) -> None:
        assert change(TEA_ID, 1) == replace(QUANTITY_CHANGED, quantity=1, total=Decimal("10.00"))

    @pytest.mark.parametrize("quantity", [0, -1, 10_001, 2**70])
    def test_is_refused_with_another_quantity_than_1_to_10_000(self, quantity: int) -> None:
        message = f"The quantity must be between 1 and 10000; this one is {quantity}."
        assert refused(change, TEA_ID, quantity) == invalid(message, "quantity")

    def test_is_refused_of_a_product_that_the_order_does_not_have(self) -> None:
        assert refused(change, POT_ID, 1) == NOT_IN_IT

    def test_is_refused_where_it_is_that_quantity_already(self) -> None:
        assert refused(change, TEA_ID, 2) == invalid("The quantity is 2 already.", "quantity")

    def test_takes_the_last_pieces_beside_those_that_the_order_has(self) -> None:
        assert change(TEA_ID, 5, of=(replace(TEA, stock=3), MUG)) == QUANTITY_CHANGED

    def test_is_refused_where_those_do_not_suffice(self) -> None:
        assert refused(change, TEA_ID, 5, of=(replace(TEA, stock=2), MUG)) == {
            "code": "INSUFFICIENT_STOCK",
            "message": "Of Tea, green, 4 can be ordered, not 5.",
            "path": ("quantity",),
            "product_id": TEA_ID,
            "requested": 5,
            "available": 4,
        }

    @pytest.mark.parametrize("given", [{"stock": 0}, {"stock": 0, "retired": True}, {"currency": "EUR"}])
    def test_may_always_go_down(self, given: dict[str, Any]) -> None:
        assert change(TEA_ID, 1, of=(replace(TEA, **given), MUG)).quantity == 1

    def test_may_go_up_without_end_where_the_stock_is_not_counted(self) -> None:
        assert change(MUG_ID, 10_000).total == Decimal("119.98")

    def test_is_refused_where_the_order_would_cost_too_much(self) -> None:
        dear = replace(PENDING, lines=(replace(TWO_TEAS, unit_price=Decimal(10**9)),))
        uncounted = (replace(TEA, stock=None),)
        assert refused(change, TEA_ID, 1_001, of=uncounted, at=dear) == invalid(TOO_DEAR, "quantity")


class TestRemoveItem:
    def test_tells_the_line_that_is_gone_and_the_new_total(self) -> None:
        assert order.remove_item(PENDING, product_id=MUG_ID) == ITEM_REMOVED

    def test_is_refused_of_a_product_that_the_order_does_not_have(self) -> None:
        assert refused(order.remove_item, PENDING, product_id=POT_ID) == NOT_IN_IT

    def test_is_refused_of_the_last_item_and_says_what_to_do(self) -> None:
        message = "The last item cannot be removed; cancel the order instead."
        alone = replace(PENDING, lines=(TWO_TEAS,))
        assert refused(order.remove_item, alone, product_id=TEA_ID) == invalid(message, "productId")

    def test_is_refused_where_only_gifts_would_be_left(self) -> None:
        with_a_gift = replace(PENDING, lines=(TWO_TEAS, replace(A_MUG, unit_price=Decimal("0.00"))))
        expected = invalid("Order total must be positive", "productId")
        assert refused(order.remove_item, with_a_gift, product_id=TEA_ID) == expected
        assert order.remove_item(with_a_gift, product_id=MUG_ID).total == Decimal("19.98")


class TestPay:
    def test_is_a_fact_with_its_reference_tidied(self) -> None:
        assert order.pay(PENDING, payment_reference=" pi_1 ") == PAID

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


class TestDeliver:
    def test_is_a_fact(self) -> None:
        assert order.deliver(in_status(Status.SHIPPED)) == DELIVERED


UNFIT_REASONS = [
    (" ", "The reason must not be empty."),
    ("a" * 201, "The reason must have at most 200 characters; this one has 201."),
    ("no\0", "The reason must not contain control characters or NUL: remove them."),
]


class TestCancel:
    @pytest.mark.parametrize("status", [Status.PENDING, Status.PAID])
    def test_tells_why_and_what_comes_back(self, status: Status) -> None:
        assert order.cancel(in_status(status), reason=" changed my mind ") == CANCELLED

    @pytest.mark.parametrize(("reason", "message"), UNFIT_REASONS)
    def test_is_refused_without_a_reason(self, reason: str, message: str) -> None:
        assert refused(order.cancel, PENDING, reason=reason) == invalid(message, "reason")


class TestRefund:
    @pytest.mark.parametrize(
        ("status", "restocked"), [(Status.PAID, True), (Status.SHIPPED, False), (Status.DELIVERED, False)]
    )
    def test_tells_why_and_whether_the_pieces_come_back(self, status: Status, restocked: bool) -> None:
        refund: OrderRefunded = order.refund(in_status(status), reason=" never arrived ")
        assert refund == replace(REFUNDED, restocked=restocked)

    @pytest.mark.parametrize(("reason", "message"), UNFIT_REASONS)
    def test_is_refused_without_a_reason(self, reason: str, message: str) -> None:
        assert refused(order.refund, in_status(Status.PAID), reason=reason) == invalid(message, "reason")


class TestOrderState:
    def test_has_the_total_of_its_lines(self) -> None:
        assert PENDING.total == Decimal("19.99")

    def test_finds_the_line_of_a_product(self) -> None:
        assert PENDING.line_of(MUG_ID) is A_MUG

    def test_refuses_where_there_is_none(self) -> None:
        assert refused(PENDING.line_of, POT_ID) == NOT_IN_IT


class TestFacts:
    @pytest.mark.parametrize("fact", [fact for name, fact in FACTS.items() if name.startswith("Order")])
    def test_of_an_order_name_its_user_so_that_they_share_a_partition(self, fact: type) -> None:
        assert {"order_id", "user_id"} <= set(fact.__dataclass_fields__)
