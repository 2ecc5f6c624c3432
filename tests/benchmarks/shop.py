"""The shop that orders are placed in: 500 users, and 200 products whose stock is not counted, with ids to count by."""

import asyncio
import random
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID, uuid4

from api.auth import mint
from api.settings import AuthSettings
from domain.bus import Bus, Request
from domain.commands import AddProduct, Command, RegisterUser
from domain.database import CommandPool
from domain.errors import Refusal
from domain.money import Currency
from domain.transaction import Actor
from tests.benchmarks.load import Answer, graphql

USERS = 500
PRODUCTS = 200
LINES = 3
PRICE = Decimal("19.90")
_AT_ONCE = 100

CREATE_ORDER = """
mutation CreateOrder($input: CreateOrderInput!) {
  createOrder(input: $input) { __typename ... on OrderAccepted { orderId version token } }
}
"""


def user_id(number: int) -> UUID:
    """Return the id of a user, counted from 1: its digits are the number's, so that SQL can count them too."""
    return UUID(str(number).zfill(32))


def product_id(number: int) -> UUID:
    return UUID(str(1_000_000 + number).zfill(32))


def staff_token() -> str:
    return mint(AuthSettings(), subject="benchmarks", role="staff")


def open_shop(write_url: str) -> None:
    """Register the users and add the products, by commands."""
    asyncio.run(_open(write_url))


def order_request(
    chance: random.Random, token: str, *, order_id: UUID | None = None, users: range = range(1, USERS + 1)
) -> bytes:
    """Return a createOrder of three lines for any of these users, with a key of its own."""
    products = chance.sample(range(1, PRODUCTS + 1), LINES)
    wanted: dict[str, object] = {
        "idempotencyKey": str(uuid4()),
        "userId": str(user_id(chance.choice(users))),
        "items": [{"productId": str(product_id(n)), "quantity": chance.randint(1, 5)} for n in products],
    }
    if order_id is not None:
        wanted["id"] = str(order_id)
    return graphql(CREATE_ORDER, {"input": wanted}, token=token)


def is_accepted(answer: Answer) -> bool:
    return answer.status == 200 and b'"OrderAccepted"' in answer.body and b'"errors"' not in answer.body


async def _open(write_url: str) -> None:
    users = [
        RegisterUser(id=user_id(n), name=f"Buyer Number {n}", email=f"buyer{n}@example.com")
        for n in range(1, USERS + 1)
    ]
    products = [
        AddProduct(id=product_id(n), sku=f"SKU-{n}", name=f"Product number {n}", price=PRICE)
        for n in range(1, PRODUCTS + 1)
    ]
    async with CommandPool(write_url, connections=1) as pool:
        bus = Bus(pool, currency=Currency.of("USD"), nudge=lambda _: None)
        await _carry_out(bus, [*users, *products])


async def _carry_out(bus: Bus, commands: Sequence[Command]) -> None:
    staff = Actor(id="staff:benchmarks", staff=True)
    for start in range(0, len(commands), _AT_ONCE):
        requests = [Request(command=command, actor=staff) for command in commands[start : start + _AT_ONCE]]
        for outcome in await bus.execute_all(requests):
            if isinstance(outcome, Refusal):
                raise outcome
