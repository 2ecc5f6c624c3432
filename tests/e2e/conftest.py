"""Two of everything under load, once for all tests that break it, each of which leaves it whole; and a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.e2e.chaos.drill import Drill, drill
from tests.support.browser import browsing
from tests.support.running import eventually

A_SECOND = 40  # commands


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    with browsing(tmp_path / "profile") as chrome:
        yield chrome


@pytest.fixture(scope="session")
def under_load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    with drill(tmp_path_factory.mktemp("faults") / "data", a_second=A_SECOND) as running:
        eventually(lambda: running.traffic.kinds()["createOrder"] > 0, "orders come in")
        yield running
