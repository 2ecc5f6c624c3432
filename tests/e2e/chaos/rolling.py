"""A rolling restart: one process after the other is asked to stop, and the next one only when its successor works."""

import signal
from time import monotonic

from tests.e2e.chaos.faults import CHILDREN, Fault, Ground
from tests.support.running import Part, answers, eventually

STOPS_WITHIN = 12.0  # seconds


def rolled(ground: Ground) -> int:
    for part in (*ground.running.apis, *ground.running.workers):
        stopped(part)
        part.restart()
        if part.url:
            eventually(lambda part=part: answers(f"{part.url}/readyz"), f"{part.name} answers")
        else:
            eventually(lambda part=part: len(part.children()) >= CHILDREN, f"{part.name} has its children")
    return 0


def stopped(part: Part) -> float:
    """Ask a part to stop; return how many seconds it took, which are few enough."""
    began = monotonic()
    part.process.send_signal(signal.SIGTERM)
    part.process.wait(STOPS_WITHIN)
    return monotonic() - began


ROLLED = Fault(name="all API processes and workers restarted in turn", strike=rolled)
