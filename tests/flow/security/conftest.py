"""An API in production mode, as strangers meet it: a real server, with the limits that production has by default."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from api.settings import RATE, STREAMS_OF_AN_ADDRESS, Environment, LimitSettings, Settings
from tests.conftest import Live
from tests.support.client import Client
from tests.support.serving import Served, serving

PATIENCE = 20.0  # seconds


@pytest.fixture(scope="session")
def in_production(settings: Settings, live: Live) -> Settings:  # noqa: ARG001 - its worker projects
    limits = LimitSettings(
        rate=RATE,
        streams_of_an_address=STREAMS_OF_AN_ADDRESS,
        hosts=("127.0.0.1", "*.example.com"),
        origins=frozenset({"https://shop.example.com"}),
    )
    return replace(settings, environment=Environment.PRODUCTION, limits=limits)


@pytest.fixture(scope="session")
def served(in_production: Settings) -> Iterator[Served]:
    with serving(in_production) as served:
        yield served


@pytest.fixture(scope="session")
def stranger(served: Served) -> Iterator[Client]:
    """Somebody who has not signed in."""
    with httpx.Client(base_url=served.url, timeout=PATIENCE) as http:
        yield Client(http=http)


@pytest.fixture(scope="session")
def operator(stranger: Client) -> Client:
    """Somebody of the staff."""
    return stranger.as_staff()
