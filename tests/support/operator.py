"""Whoever runs `tandem projections ...` beside a running Tandem: commands as processes, which tests may kill."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.support.running import TANDEM

WITHIN = 120.0  # seconds


@dataclass(slots=True, kw_only=True)
class Operator:
    """`started` holds every command there ever was, so that none outlives its test."""

    environment: Mapping[str, str]
    entry: Sequence[str] = TANDEM
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", *self.entry, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        for process in self.started:
            process.kill()
            process.communicate()

    def tells(self, *arguments: str) -> tuple[int, str, str]:
        """Return how a command ended, what it said, and what it said of errors."""
        process = self.begin(*arguments)
        said, error = process.communicate(timeout=WITHIN)
        return process.returncode, said, error

    def does(self, *arguments: str) -> str:
        """Return what a command said that has done what it was asked to."""
        code, said, error = self.tells(*arguments)
        assert (code, error) == (0, ""), said + error
        return said
