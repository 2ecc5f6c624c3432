"""Half a year of a small invented outdoor shop, the same commands on every machine and every run."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

NAMESPACE = UUID("5b0c3f4e-6c1d-4b6e-9a53-8f1f7a2d9c10")
OPENING = datetime(2026, 5, 20, 7, tzinfo=UTC)
CLOSING = datetime(2026, 11, 20, 20, tzinfo=UTC)
ORDERS = 500
EARLY_USERS = 20
EXAMPLE_USER_ID = str(uuid5(NAMESPACE, "user/example"))  # of nobody in here: free to register with
_LATER = timedelta(minutes=1)
CARRIERS = ("Kestrel Express", "Blue Van", "Northbound Parcel")

USERS = (
    "Amara Okafor", "Mateo Álvarez", "Yuki Tanaka", "Ingrid Solberg", "Rahul Mehta", "Zofia Kowalczyk", "Liam O'Connor",
    "Fatima Zahra Benali", "Chen Wei", "Noah Fischer", "Leilani Kahale", "Tomasz Nowak", "Priya Raman", "Elif Demir",
    "Samuel Adeyemi", "Camille Laurent", "Jonas Lindqvist", "Aroha Ngata", "Diego Fernández", "Hannah Weiss",
    "Omar Haddad", "Sofia Rossi", "Kwame Mensah", "Nguyen Thi Lan", "Oliver Bennett", "Marta Silva", "Arjun Nair",
    "Freja Nielsen", "Tariq Aziz", "Emily Carter", "Lucía Morales", "Pavel Novák", "Aisha Mohamed", "Kenji Sato",
    "Ruth Goldberg", "Thabo Dlamini", "Anna Petrova", "Wanjiru Kamau", "Marco Bianchi", "Saoirse Byrne", "Daniel Kim",
    "Nadia Rahman", "Erik Johansson", "Ximena Quispe", "George Papadopoulos", "Mei Lin Tan", "Youssef Farouk",
    "Clara Hoffmann", "Iwan Rhys", "Talia Cohen",
)  # fmt: skip

# sku, name, price, stock (None: not counted)
PRODUCTS: tuple[tuple[str, str, str, int | None], ...] = (
    ("TNT-201", "Two-person tent Marmot Ridge", "289.00", 240),
    ("TNT-301", "Three-person tent Birch Hollow", "379.00", 200),
    ("TNT-910", "Tent footprint, two-person", "34.90", 400),
    ("TNT-920", "Tent pegs, set of ten", "12.50", None),
    ("SLP-100", "Down sleeping bag, 0 °C", "219.00", 250),
    ("SLP-110", "Synthetic sleeping bag, 5 °C", "99.95", 320),
    ("SLP-200", "Inflatable sleeping mat", "84.90", 380),
    ("SLP-210", "Foam sleeping mat", "24.95", None),
    ("SLP-300", "Camping pillow", "19.90", 500),
    ("PCK-220", "Day pack, 22 litres", "74.50", 350),
    ("PCK-450", "Trekking pack, 45 litres", "159.00", 260),
    ("PCK-650", "Expedition pack, 65 litres", "229.00", 220),
    ("PCK-900", "Rain cover for packs", "17.90", None),
    ("PCK-910", "Dry bag, 10 litres", "14.95", 600),
    ("PCK-911", "Dry bag, 20 litres", "18.95", 600),
    ("CKG-100", "Gas stove Firefly", "44.90", 380),
    ("CKG-110", "Multi-fuel stove Ember", "139.00", 230),
    ("CKG-200", "Gas cartridge, 230 g", "6.95", None),
    ("CKG-210", "Gas cartridge, 450 g", "10.95", None),
    ("CKG-300", "Titanium pot, 900 ml", "49.90", 320),
    ("CKG-310", "Cook set for two", "64.00", 300),
    ("CKG-400", "Enamel mug", "9.90", 800),
    ("CKG-410", "Folding spork", "4.50", None),
    ("CKG-500", "Coffee filter, foldable", "16.80", 420),
    ("WTR-100", "Water filter Clearbrook", "39.90", 400),
    ("WTR-110", "Hydration bladder, 2 litres", "32.00", 360),
    ("WTR-200", "Steel bottle, 750 ml", "27.50", 500),
    ("WTR-210", "Vacuum flask, 1 litre", "36.95", 420),
    ("LGT-100", "Head torch, 400 lumens", "47.90", 420),
    ("LGT-110", "Camping lantern", "29.90", 380),
    ("LGT-200", "Solar panel, foldable, 20 W", "79.00", 240),
    ("NAV-100", "Baseplate compass", "22.90", 380),
    ("NAV-110", "Waterproof map case", "13.40", None),
    ("APP-100", "Rain jacket Drizzle", "149.00", 280),
    ("APP-110", "Fleece jacket", "69.90", 340),
    ("APP-120", "Merino base layer", "59.95", 400),
    ("APP-200", "Hiking socks, two pairs", "18.50", None),
    ("APP-300", "Trekking poles, pair", "54.90", 320),
    ("FAD-100", "First-aid kit, compact", "25.90", 450),
    ("FAD-110", "Repair kit", "11.20", None),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    id: str
    name: str
    email: str
    since: datetime


@dataclass(slots=True)
class History:
    """The commands so far, in the order in which they were made up."""

    chance: random.Random
    commands: list[dict[str, Any]] = field(default_factory=list)

    def add(self, command: str, at: datetime, key: str, **given: object) -> None:
        stamp = at.replace(microsecond=0).isoformat().replace("+00:00", "Z")
        self.commands.append({"command": command, "at": stamp, "input": {**given, "idempotencyKey": f"demo-{key}"}})


def commands() -> Iterator[dict[str, Any]]:
    """Commands in the shape that `tandem import` reads, oldest first, each with an idempotency key of its own."""
    history = History(random.Random(20261120))  # noqa: S311 - the same data every time, nothing secret
    _add_products(history)
    members = users()
    for number, user in enumerate(members, 1):
        history.add("registerUser", user.since, f"user-{number}", id=user.id, name=user.name, email=user.email)
    for number, at in enumerate(_order_times(history.chance), 1):
        _order(history, number, at, [user for user in members if user.since < at])
    yield from sorted(history.commands, key=lambda command: str(command["at"]))


def users() -> list[User]:
    """The shop's customers; some were there at the opening, the others came in the four months after it."""
    return [
        User(id=_id("user", name), name=name, email=_email(number, name), since=_joined(number))
        for number, name in enumerate(USERS)
    ]


def _add_products(history: History) -> None:
    for minutes, (sku, name, price, stock) in enumerate(PRODUCTS):
        at = OPENING - timedelta(days=2) + timedelta(minutes=minutes)
        history.add(
            "addProduct", at, f"product-{sku}", id=_id("product", sku), sku=sku, name=name, price=price, stock=stock
        )


def _order(history: History, number: int, at: datetime, members: list[User]) -> None:
    chance, order = history.chance, _id("order", str(number))
    lines = [(product, chance.choice((1, 1, 1, 2, 2, 3))) for product in chance.sample(PRODUCTS, chance.randint(1, 5))]
    history.add(
        "createOrder",
        at,
        f"order-{number}",
        id=order,
        userId=chance.choice(members).id,
        items=[{"productId": _id("product", sku), "quantity": quantity} for (sku, *_), quantity in lines],
        expectedTotal=str(sum(Decimal(price) * quantity for (_, _, price, _), quantity in lines)),
    )
    paid = at + timedelta(minutes=chance.randint(1, 600))
    shipped = paid + timedelta(minutes=chance.randint(240, 3 * 24 * 60))
    # The younger an order, the likelier that it still waits: over all, 10 % for the payment and 25 % for the parcel.
    age, fate = number / ORDERS, chance.random()
    if fate < 0.2 * age or paid > CLOSING:
        if number % 3 == 0:
            history.add("cancelOrder", at + _LATER, f"cancel-{number}", orderId=order, reason="Ordered by mistake")
        return
    history.add("payOrder", paid, f"pay-{number}", orderId=order, paymentReference=f"PAY-{paid:%Y%m%d}-{number:05}")
    if fate < 0.7 * age or shipped > CLOSING:
        if number % 7 == 0:
            history.add("refundOrder", paid + _LATER, f"refund-{number}", orderId=order, reason="No longer needed")
        return
    tracking = f"{chance.randrange(10**11):011}"
    carrier = chance.choice(CARRIERS)
    history.add("shipOrder", shipped, f"ship-{number}", orderId=order, carrier=carrier, trackingNumber=tracking)
    delivered = shipped + timedelta(hours=chance.randint(20, 120))
    if delivered < CLOSING and number % 5:
        history.add("deliverOrder", delivered, f"deliver-{number}", orderId=order)


def _order_times(chance: random.Random) -> list[datetime]:
    seconds = int((CLOSING - OPENING).total_seconds())
    return [OPENING + timedelta(seconds=each) for each in sorted(chance.sample(range(3600, seconds), ORDERS))]


def _joined(number: int) -> datetime:
    if number < EARLY_USERS:
        return OPENING - timedelta(days=1) + timedelta(minutes=37 * number)
    return OPENING + timedelta(days=4 * (number - EARLY_USERS), minutes=53 * number % 600)


def _email(number: int, name: str) -> str:
    plain = name.lower().translate(str.maketrans("áéíúñ", "aeiun", "'")).replace(" ", ".")
    return f"{plain}@example.{'org' if number % 3 else 'com'}"


def _id(kind: str, name: str) -> str:
    return str(uuid5(NAMESPACE, f"{kind}/{name}"))
