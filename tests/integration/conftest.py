"""Connections to real stores: the session's, which others use too, and fresh ones for tests that need all of a log."""

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from api.settings import Settings
from domain.bus import Bus
from domain.database import command_engine, log_engine
from projections.database import projection_engine
from tests.support import databases
from tests.support.shop import USD, Shop

CONNECTIONS = 24


@pytest.fixture(scope="session")
async def write(settings: Settings) -> AsyncIterator[AsyncEngine]:
    engine = command_engine(settings.write.database_url, connections=CONNECTIONS)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="session")
def shop(write: AsyncEngine) -> Shop:
    return Shop(Bus(write, currency=USD, nudge=lambda _: None))


@pytest.fixture
def fresh(settings: Settings) -> Iterator[Settings]:
    with databases.fresh(settings) as own:
        yield own


@pytest.fixture
async def fresh_write(fresh: Settings) -> AsyncIterator[AsyncEngine]:
    engine = command_engine(fresh.write.database_url, connections=CONNECTIONS)
    yield engine
    await engine.dispose()


@pytest.fixture
def fresh_shop(fresh_write: AsyncEngine) -> Shop:
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
