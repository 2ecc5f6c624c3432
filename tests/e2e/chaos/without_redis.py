"""Redis away in every way in which it can be, for some seconds each: nothing of it is needed."""

import signal
from functools import partial
from time import sleep

from tests.e2e.chaos.faults import Fault, Ground

_LATENCY = 0.1  # seconds, there and back again
_TOO_LITTLE = 1  # byte
_ENOUGH = "256mb"


def away(ground: Ground, *, seconds: float) -> int:
    valkey = ground.running.valkey
    valkey.kill()
    sleep(seconds)
    valkey.restart()
    return 1


def silent(ground: Ground, *, seconds: float) -> int:
    """It accepts connections, and answers nothing."""
    valkey = ground.running.valkey.process
    valkey.send_signal(signal.SIGSTOP)
    sleep(seconds)
    valkey.send_signal(signal.SIGCONT)
    return 0


def half_open(ground: Ground, *, seconds: float) -> int:
    """What was connected is so no longer, and neither end is told."""
    ground.running.wire.cut()
    sleep(seconds)
    ground.running.wire.mend()
    return 0


def reset(ground: Ground) -> int:
    ground.running.wire.reset()
    sleep(0.5)
    return 0


def slow(ground: Ground, *, seconds: float) -> int:
    wire = ground.running.wire
    for delay, lasts in ((_LATENCY, seconds), (0.0, 0.0)):
        wire.delay = delay
        wire.reset()
        sleep(lasts)
    return 0


def full(ground: Ground, *, seconds: float) -> int:
    """It takes nothing more in, since it has no memory left."""
    with ground.running.redis() as client:
        client.config_set("maxmemory", _TOO_LITTLE)
        sleep(seconds)
        client.config_set("maxmemory", _ENOUGH)
    return 0


def faults(seconds: float) -> list[Fault]:
    return [
        Fault(name=f"Valkey away for {seconds:g} s", strike=partial(away, seconds=seconds)),
        Fault(name=f"Valkey silent for {seconds:g} s", strike=partial(silent, seconds=seconds)),
        Fault(name=f"Valkey half-open for {seconds:g} s", strike=partial(half_open, seconds=seconds)),
        Fault(name=f"Valkey slow by 200 ms for {seconds:g} s", strike=partial(slow, seconds=seconds)),
        Fault(name=f"Valkey out of memory for {seconds:g} s", strike=partial(full, seconds=seconds)),
        Fault(name="connections to Valkey reset", strike=reset),
    ]
