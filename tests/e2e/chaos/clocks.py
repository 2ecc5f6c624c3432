"""Clocks that are wrong by two days, and step back by four, in one API process and one worker."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import httpx

from tests.e2e.chaos.faults import CHILDREN, Fault, Ground
from tests.support.client import Client
from tests.support.running import Part, Running, answers, eventually
from tests.support.traffic import staff_token

_FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
_STEPS = ("+2d", "-2d", "+0")
_SECONDS = 2.0  # of each step, once it is noticed
_ASK = "{ me { id } }"


def can_be_wrong() -> bool:
    """Return whether libfaketime is here (Debian: faketime)."""
    return bool(_FAKETIME)


def stepped(ground: Ground) -> int:
    running, clock = ground.running, ground.running.where.logs / "clock"
    clock.write_text("+0\n")
    api, worker = ground.chance.choice(running.apis), ground.chance.choice(running.workers)
    with _clock_of(running, clock):
        _anew(api, worker)
    try:
        for step in _STEPS:
            clock.write_text(f"{step}\n")
            eventually(lambda step=step: _knows_who_asks(api, step), f"{api.name} takes it for {step}")
            sleep(_SECONDS)
    finally:
        _anew(api, worker)
    return 0


@contextmanager
def _clock_of(running: Running, clock: Path) -> Iterator[None]:
    """Give whatever is started meanwhile a clock that is as wrong as a file says; durations stay right."""
    before = dict(running.environment)
    running.environment |= {
        "LD_PRELOAD": str(_FAKETIME[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    try:
        yield
    finally:
        running.environment.pop("LD_PRELOAD")
        running.environment.update(before)


def _anew(*parts: Part) -> None:
    for part in parts:
        part.kill_group()
        part.restart()
    for part in parts:
        if part.url:
            eventually(lambda part=part: answers(f"{part.url}/livez"), f"{part.name} answers")
        else:
            eventually(lambda part=part: len(part.children()) >= CHILDREN, f"{part.name} has its children")


def _knows_who_asks(api: Part, step: str) -> bool:
    """Return whether a token of today is valid today only, and one of before for longer on every day."""
    with httpx.Client(base_url=api.url, timeout=30) as http:
        lasting, todays = Client(http=http, token=staff_token()), Client(http=http).as_staff()
        refused = ["errors" in each.post(_ASK).json() for each in (lasting, todays)]
    return refused == [False, step != "+0"]


STEPPED = Fault(name="clocks two days ahead, then two behind", strike=stepped)
