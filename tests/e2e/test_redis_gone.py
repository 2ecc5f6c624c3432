"""Redis gone, in each way in which it can be: no command notices, and projections go on."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from time import sleep

import pytest

from tests.e2e.chaos.drill import Drill
from tests.support.oracle import verdict
from tests.support.running import Running

SLOWEST = 0.5  # seconds that a command may take
LEVEL_WITHIN = 2.0  # seconds of its return
GONE_FOR = 4.0  # seconds; long enough for whoever tries again ever more seldom to have become too seldom


def limited(running: Running, memory: str) -> None:
    with running.redis() as client:
        client.config_set("maxmemory", memory)


def delayed(running: Running, seconds: float) -> None:
    running.wire.delay = seconds
    running.wire.reset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    name: str
    begin: Callable[[Running], None]
    end: Callable[[Running], None]
    level_within: float = 2 * LEVEL_WITHIN
    """Seconds, while it lasts."""


WAYS = [
    Way(name="stopped", begin=lambda on: on.valkey.kill(), end=lambda on: on.valkey.restart()),
    Way(
        name="accepting and silent",
        begin=lambda on: on.valkey.process.send_signal(signal.SIGSTOP),
        end=lambda on: on.valkey.process.send_signal(signal.SIGCONT),
    ),
    Way(name="half-open", begin=lambda on: on.wire.cut(), end=lambda on: on.wire.mend()),
    Way(name="out of memory", begin=lambda on: limited(on, "1"), end=lambda on: limited(on, "256mb")),
    # Each of the words with it that a task has is waited for.
    Way(name="slow", begin=lambda on: delayed(on, 0.1), end=lambda on: delayed(on, 0), level_within=10.0),
]
in_every_way = pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])


@in_every_way
def test_is_noticed_by_no_command_and_projections_go_on(under_load: Drill, way: Way) -> None:
    running, traffic, tandem = under_load.tandem.running, under_load.traffic, under_load.tandem
    before = traffic.counts()
    way.begin(running)
    try:
        sleep(GONE_FOR)
        without = tandem.lags_for()
    finally:
        way.end(running)
    after = tandem.lags_for()
    under_load.come_in(10)
    answered = traffic.answered_since(before)
    assert len(answered) > GONE_FOR, "no load: this shows nothing"
    assert [each for each in answered if each.seconds > SLOWEST or each.tries > 1] == []
    assert without < way.level_within
    assert after < LEVEL_WITHIN
    with traffic.quiet():
        tandem.lags_for()
        assert verdict(tandem, traffic).flawless
