"""Two of everything under load, once for all tests that break it: each leaves it whole."""

from collections.abc import Iterator

import pytest

from tests.e2e.chaos.drill import Drill, drill
from tests.support.running import eventually

A_SECOND = 40  # commands


@pytest.fixture(scope="session")
def under_load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    with drill(tmp_path_factory.mktemp("faults") / "data", a_second=A_SECOND) as running:
        eventually(lambda: running.traffic.kinds()["createOrder"] > 0, "orders come in")
        yield running
