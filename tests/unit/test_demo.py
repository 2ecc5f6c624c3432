"""The demo data: the same everywhere, in order, and such that every command of it can be accepted."""

from collections import Counter
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from api import demo


@pytest.fixture(scope="module")
def commands() -> list[dict[str, Any]]:
    return list(demo.commands())


def _inputs(commands: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [command["input"] for command in commands if command["command"] == name]


class TestDemo:
    def test_is_the_same_every_time(self, commands: list[dict[str, Any]]) -> None:
        assert list(demo.commands()) == commands

    def test_has_the_promised_size(self, commands: list[dict[str, Any]]) -> None:
        count = Counter(command["command"] for command in commands)
        assert (count["registerUser"], count["addProduct"], count["createOrder"]) == (50, 40, 500)

    def test_leaves_about_a_tenth_unpaid_and_a_quarter_unshipped(self, commands: list[dict[str, Any]]) -> None:
        count = Counter(command["command"] for command in commands)
        assert count["createOrder"] - count["payOrder"] == pytest.approx(50, abs=15)
        assert count["payOrder"] - count["shipOrder"] == pytest.approx(125, abs=25)

    def test_has_orders_in_all_states(self, commands: list[dict[str, Any]]) -> None:
        last = {command["input"].get("orderId") or command["input"]["id"]: command["command"] for command in commands}
        states = Counter(command for command in last.values() if command.endswith("Order"))
        assert set(states) == {
            "createOrder",
            "payOrder",
            "shipOrder",
            "deliverOrder",
            "cancelOrder",
            "refundOrder",
        }
        assert min(states.values()) >= 5

    def test_comes_in_the_order_of_time_and_ends_in_the_past(self, commands: list[dict[str, Any]]) -> None:
        times = [command["at"] for command in commands]
        assert all(earlier <= later for earlier, later in pairwise(times))
        assert times[-1] <= "2026-11-20T20:00:00Z"

    def test_has_a_key_of_its_own_for_every_command(self, commands: list[dict[str, Any]]) -> None:
        keys = [command["input"]["idempotencyKey"] for command in commands]
        assert len(set(keys)) == len(keys)
        assert all(key.startswith("demo-") for key in keys)

    def test_has_no_id_e_mail_or_sku_twice(self, commands: list[dict[str, Any]]) -> None:
        ids = [command["input"]["id"] for command in commands if "id" in command["input"]]
        emails = [user["email"] for user in _inputs(commands, "registerUser")]
        skus = [product["sku"] for product in _inputs(commands, "addProduct")]
        assert (len(set(ids)), len(set(emails)), len(set(skus))) == (590, 50, 40)

    def test_writes_to_nobody_real(self, commands: list[dict[str, Any]]) -> None:
        for user in _inputs(commands, "registerUser"):
            name, _, domain = user["email"].partition("@")
            assert name.isascii()
            assert domain in {"example.com", "example.org"}

    def test_names_nothing_before_it_exists(self, commands: list[dict[str, Any]]) -> None:
        known: set[str] = set()
        paid: set[str] = set()
        for command in commands:
            match command:
                case {"command": "createOrder", "input": {"id": order, "userId": user, "items": items}}:
                    assert {user, *(item["productId"] for item in items)} <= known
                    known.add(order)
                case {"command": "payOrder", "input": {"orderId": order}}:
                    assert order in known - paid
                    paid.add(order)
                case {"command": "shipOrder", "input": {"orderId": order}}:
                    assert order in paid
                    paid.remove(order)
                case {"input": {"id": new}}:
                    known.add(new)

    def test_sells_no_more_than_there_is(self, commands: list[dict[str, Any]]) -> None:
        sold: Counter[str] = Counter()
        for order in _inputs(commands, "createOrder"):
            for item in order["items"]:
                sold[item["productId"]] += item["quantity"]
        for product in _inputs(commands, "addProduct"):
            assert product["stock"] is None or sold[product["id"]] < product["stock"]

    def test_expects_the_total_of_its_lines(self, commands: list[dict[str, Any]]) -> None:
        prices = {product["id"]: Decimal(product["price"]) for product in _inputs(commands, "addProduct")}
        for order in _inputs(commands, "createOrder"):
            total = sum(prices[item["productId"]] * item["quantity"] for item in order["items"])
            assert order["expectedTotal"] == str(total)
            assert 1 <= len({item["productId"] for item in order["items"]}) == len(order["items"]) <= 5

    def test_knows_the_users_it_registers(self, commands: list[dict[str, Any]]) -> None:
        assert {user.id for user in demo.users()} == {user["id"] for user in _inputs(commands, "registerUser")}
