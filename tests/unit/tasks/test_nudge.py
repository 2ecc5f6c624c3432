"""Nudges go out in the background: collected, never waited for, and never ended by a broker that fails."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Event

import pytest
import redis

from tasks.nudge import Nudger

SECONDS = 10  # how long a test waits before it has failed


class Broker:
    """What a nudger sends to: it notes what comes, and lets go only when told to."""

    def __init__(self, *, hanging: bool = False, failures: Iterable[Exception] = ()) -> None:
        self.sent: list[set[int]] = []
        self.reached = Event()
        self.released = Event()
        self._failures = iter(failures)
        if not hanging:
            self.released.set()

    def __call__(self, partitions: Iterable[int]) -> bool:
        self.sent.append(set(partitions))
        self.reached.set()
        assert self.released.wait(SECONDS)
        if failure := next(self._failures, None):
            raise failure
        return True


@contextmanager
def running(broker: Broker) -> Iterator[Nudger]:
    nudger = Nudger(broker)
    nudger.start()
    try:
        yield nudger
    finally:
        broker.released.set()
        nudger.stop(seconds=SECONDS)
        assert not nudger._thread.is_alive()


class TestNudger:
    def test_sends_a_partition(self) -> None:
        broker = Broker()
        with running(broker) as nudger:
            nudger(17)
        assert broker.sent == [{17}]

    def test_sends_nothing_unless_asked(self) -> None:
        broker = Broker()
        with running(broker):
            pass
        assert broker.sent == []

    def test_does_not_make_its_caller_wait_and_collects_what_comes_meanwhile(self) -> None:
        broker = Broker(hanging=True)
        with running(broker) as nudger:
            nudger(1)
            assert broker.reached.wait(SECONDS)
            for partition in (2, 3, 2, 3, 1, 2):
                nudger(partition)
            assert broker.sent == [{1}]  # the first is still on its way
        assert broker.sent == [{1}, {1, 2, 3}]

    def test_loses_nothing_that_comes_right_after_a_message(self) -> None:
        broker = Broker()
        with running(broker) as nudger:
            nudger(1)
            assert broker.reached.wait(SECONDS)
            for partition in (2, 3, 4):
                nudger(partition)
        assert broker.sent[0] == {1}
        assert set.union(*broker.sent[1:]) == {2, 3, 4}

    def test_holds_64_partitions_at_most_however_long_a_broker_hangs(self) -> None:
        broker = Broker(hanging=True)
        with running(broker) as nudger:
            nudger(0)
            assert broker.reached.wait(SECONDS)
            for number in range(10_000):
                nudger(number % 64)
        assert broker.sent == [{0}, set(range(64))]

    def test_sends_what_waits_when_it_is_stopped(self) -> None:
        broker = Broker()
        nudger = Nudger(broker)
        nudger(1)
        nudger(2)
        nudger.start()
        nudger.stop(seconds=SECONDS)
        assert broker.sent == [{1, 2}]

    def test_is_stopped_in_time_though_the_broker_hangs(self) -> None:
        broker = Broker(hanging=True)
        with running(broker) as nudger:
            nudger(1)
            assert broker.reached.wait(SECONDS)
            nudger.stop(seconds=0.01)
            assert nudger._thread.is_alive()

    def test_counts_what_it_was_asked_for_by_what_became_of_it(self) -> None:
        broker = Broker(hanging=True, failures=[OSError()])
        with running(broker) as nudger:
            nudger(1)
            assert broker.reached.wait(SECONDS)
            for partition in (2, 3, 2):
                nudger(partition)
        assert broker.sent == [{1}, {2, 3}]
        assert nudger.counts == {"sent": 1, "coalesced": 2, "failed": 1}

    @pytest.mark.parametrize("failure", [redis.ConnectionError("gone"), OSError("gone"), TimeoutError()])
    def test_goes_on_after_an_error(self, failure: Exception) -> None:
        broker = Broker(failures=[failure])
        with running(broker) as nudger:
            nudger(1)
            assert broker.reached.wait(SECONDS)
            broker.reached.clear()
            nudger(2)
            assert broker.reached.wait(SECONDS)
        assert broker.sent == [{1}, {2}]

    def test_warns_once_a_minute_not_once_an_error(self, caplog: pytest.LogCaptureFixture) -> None:
        broker = Broker(hanging=True, failures=[OSError(), OSError()])
        with running(broker) as nudger:
            nudger(1)
            assert broker.reached.wait(SECONDS)
            nudger(2)
        assert broker.sent == [{1}, {2}]
        assert caplog.record_tuples == [("tasks.nudge", logging.WARNING, "nudges_left_to_the_sweep")]
