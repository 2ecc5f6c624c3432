"""The shop that orders are placed in: 500 users and 200 products whose stock is not counted, with ids to count by."""

import asyncio
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import batched
from uuid import UUID

from domain.bus import Bus, Request
from domain.commands import AddProduct, Command, RegisterUser
from domain.database import command_engine
from domain.transaction import Actor

USERS = 500
PRODUCTS = 200
LINES = 3
PRICE = Decimal("19.90")
