"""Processes that tests look at or start beside those of the product."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process that is nobody's business, and end it however the block ends."""
    with subprocess.Popen(["sleep", "600"]) as process:
        try:
            yield process
        finally:
            process.kill()
