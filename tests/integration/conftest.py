"""Connections to real stores: the session's, which others use too, and fresh ones for tests that need all of a log."""

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import Engine

from api.settings import Settings
from domain.bus import Bus
from domain.database import CommandPool, log_engine
from projections.database import projection_engine
from tests.support import databases
from tests.support.shop import USD, Shop

CONNECTIONS = 24


@pytest.fixture(scope="session")
async def write(settings: Settings) -> AsyncIterator[CommandPool]:
    async with CommandPool(settings.write.database_url, connections=CONNECTIONS) as pool:
        yield pool


@pytest.fixture(scope="session")
def shop(write: CommandPool) -> Shop:
    return Shop(Bus(write, currency=USD, nudge=lambda _: None))


@pytest.fixture
def fresh(settings: Settings) -> Iterator[Settings]:
    with databases.fresh(settings) as own:
        yield own


@pytest.fixture
async def fresh_write(fresh: Settings) -> AsyncIterator[CommandPool]:
    async with CommandPool(fresh.write.database_url, connections=CONNECTIONS) as pool:
        yield pool


@pytest.fixture
def fresh_shop(fresh_write: CommandPool) -> Shop:
    return Shop(Bus(fresh_write, currency=USD, nudge=lambda _: None))


@pytest.fixture
def log(fresh: Settings) -> Iterator[Engine]:
    engine = log_engine(fresh.write.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def read(fresh: Settings) -> Iterator[Engine]:
    engine = projection_engine(fresh.read.database_url)
    yield engine
    engine.dispose()
