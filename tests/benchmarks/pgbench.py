"""pgbench, out of the embedded server's own programs: what the database does when nothing stands before it."""

import re
import subprocess
from pathlib import Path

from tests.benchmarks.stage import Stage

_RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: ([1-9]\d*)", re.MULTILINE)
_SECONDS_MORE = 60


class PgbenchError(Exception):
    """pgbench did not do what its script says."""


def transactions_a_second(stage: Stage, url: str, script: Path, *, clients: int, seconds: float) -> float:
    """Run a script again and again, statements prepared, each client on a connection of its own."""
    command = [str(stage.stores.programs / "pgbench"), "--no-vacuum", "--protocol=prepared", f"--file={script}"]
    command += [f"--client={clients}", "--jobs=2", f"--time={max(1, round(seconds))}", url]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + _SECONDS_MORE)
    rate = _RATE.search(ended.stdout)
    if ended.returncode != 0 or rate is None or _FAILED.search(ended.stdout):
        raise PgbenchError(f"{script.name}: {ended.stderr[-1000:]}\n{ended.stdout[-1000:]}")
    return float(rate[1])
