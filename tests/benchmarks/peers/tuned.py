"""`tandem`, with constants of it set otherwise: python -m tests.benchmarks.peers.tuned MODULE:PATH=JSON ... -- worker

A path leads through attributes and the keys of dictionaries.
"""

import json
import sys
from importlib import import_module
from typing import Any

from api import cli


def main() -> None:
    end = sys.argv.index("--")
    for assignment in sys.argv[1:end]:
        path, _, value = assignment.partition("=")
        _set(path, json.loads(value))
    sys.argv[1:] = sys.argv[end + 1 :]
    cli.main()


def _set(path: str, value: object) -> None:
    module, _, inner = path.partition(":")
    holder: Any = import_module(module)
    *through, last = inner.split(".")
    for name in through:
        holder = getattr(holder, name)
    if isinstance(holder, dict):
        holder[last]  # which raises where there is none
        holder[last] = value
    else:
        getattr(holder, last)
        setattr(holder, last, value)


if __name__ == "__main__":
    main()
