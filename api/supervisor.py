"""Starts processes in order, starts again what dies, and ends them in reverse order, each within its time."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Self

from api.embedded import EmbeddedError
from api.processes import INTERRUPTIONS, bound, last_lines, stop

QUICK_DEATH = 10.0  # seconds
TOO_MANY_QUICK_DEATHS = 5


class UpError(Exception):
    """It cannot run, or not go on; the message says why and what to do."""


@dataclass(slots=True, kw_only=True)
class Part:
    """One process: how it starts and ends, and where it writes."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    log: Path
    signals: tuple[signal.Signals, ...] = (signal.SIGTERM,)
    within: float = 10.0
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    quick_deaths: int = 0

    def begin(self) -> None:
        self.kill()  # what a dead one may have left in its group
        self.started = time.monotonic()
        self.process = self.start()

    def end(self) -> None:
        if self.process:
            stop(self.process, *self.signals, within=self.within)
            self.kill()

    def kill(self) -> None:
        # Each leads a group of its own, so this reaches its children too and nobody else.
        if self.process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def died(self) -> str | None:
        """How it ended; None while it runs."""
        code = self.process.poll() if self.process else None
        if code is None:
            return None
        return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"

    def end_of_log(self) -> str:
        return f"The end of {self.log}:\n{last_lines(self.log)}"


@dataclass(slots=True)
class Supervisor:
    """The first signal interrupts whatever goes on, by KeyboardInterrupt; one more kills what has not yet ended.

    A finalizer or a foreign callback passes over that exception, so `start`, `check` and `watch` raise it again.
    """

    say: Callable[[str], None]
    parts: list[Part] = field(default_factory=list)
    _stopping: bool = False

    def __enter__(self) -> Self:
        for each in INTERRUPTIONS:
            signal.signal(each, self._interrupted)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        for part in reversed(self.parts):
            part.end()

    def start(self, part: Part) -> None:
        self._heed()
        self.parts.append(part)
        part.begin()

    def check(self) -> None:
        """Raise if any part has died."""
        self._heed()
        for part in self.parts:
            if how := part.died():
                raise UpError(f"{part.name} stopped while starting ({how}). {part.end_of_log()}")

    def watch(self, check: Callable[[], None] = lambda: None) -> None:
        """Keep all parts alive until interrupted, until one dies again and again, or until `check` raises."""
        while True:
            self._heed()
            check()
            for part in self.parts:
                bound(part.log)
                if how := part.died():
                    self._start_again(part, how)
            time.sleep(0.2)

    def _start_again(self, part: Part, how: str) -> None:
        lived = time.monotonic() - part.started
        part.quick_deaths = part.quick_deaths + 1 if lived < QUICK_DEATH else 0
        if part.quick_deaths == TOO_MANY_QUICK_DEATHS:
            raise UpError(f"{part.name} stopped {part.quick_deaths} times in a row ({how}). {part.end_of_log()}")
        self.say(f"{part.name} stopped unexpectedly ({how}); starting it again. Its log: {part.log}")
        time.sleep(0.5 * part.quick_deaths)
        with contextlib.suppress(EmbeddedError):  # it is still dead then, and the next round counts that
            part.begin()

    def _heed(self) -> None:
        if self._stopping:
            raise KeyboardInterrupt

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        if self._stopping:
            for part in self.parts:
                part.kill()
            return
        self._stopping = True
        raise KeyboardInterrupt
