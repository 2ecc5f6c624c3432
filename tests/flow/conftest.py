from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import Live
from tests.support.client import Client


@pytest.fixture(scope="session")
def nobody(live: Live) -> Iterator[Client]:
    with httpx.Client(base_url=live.url, timeout=10) as http:
        yield Client(http=http)


@pytest.fixture(scope="session")
def staff(nobody: Client) -> Client:
    return nobody.as_staff()
