"""Importing does nothing to the world: no socket, no look at the environment, which only a process's entry reads."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.sources import PACKAGES, ROOT, sources

# Where the environment is read, and what for.
READERS = {
    "api/cli.py": "the entry of every process",
    "api/configured.py": "the settings of every process",
    "api/embedded.py": "what the servers that it starts inherit",
}
NAMES = {"environ", "environb", "getenv", "getenvb"}

# Imports every module of some packages in a folder, and tells what that did. Libraries may look at the environment.
PROBE = """
import collections.abc, importlib, json, os, pkgutil, sys

folder, *packages = sys.argv[1:]
sys.path.insert(0, folder)
did = []
between = {os.getenv.__code__.co_filename, collections.abc.Mapping.get.__code__.co_filename}

def hook(event, arguments):
    if event in {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname"}:
        did.append(event)

def reading(method):
    def read(self, *arguments):
        frame = sys._getframe(1)
        while frame and frame.f_code.co_filename in between:
            frame = frame.f_back
        path = frame.f_code.co_filename if frame else ""
        if path.startswith(folder) and "site-packages" not in path:
            did.append(f"environment: {os.path.relpath(path, folder)}")
        return method(self, *arguments)
    return read

for name in ("__getitem__", "__iter__"):
    setattr(os._Environ, name, reading(getattr(os._Environ, name)))
sys.addaudithook(hook)
imported = []
for package in packages:
    module = importlib.import_module(package)
    imported.append(package)
    for found in pkgutil.walk_packages(module.__path__, f"{package}."):
        importlib.import_module(found.name)
        imported.append(found.name)
print(json.dumps({"did": sorted(set(did)), "imported": sorted(imported)}))
"""


def imports(folder: Path, *packages: str) -> dict[str, Any]:
    probe = [sys.executable, "-c", PROBE, str(folder), *packages]
    result: dict[str, Any] = json.loads(subprocess.run(probe, capture_output=True, text=True, check=True).stdout)
    return result


def modules() -> list[str]:
    """Return the names of all modules; Alembic loads migrations by their path, so they have none."""
    paths = [Path(path).with_suffix("") for path in sources(*PACKAGES) if "/migrations/" not in path]
    return sorted(".".join(path.parts).removesuffix(".__init__") for path in paths)


def reads_environment(source: str) -> list[int]:
    return sorted(
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Attribute) and node.attr in NAMES)
        or (isinstance(node, ast.ImportFrom) and NAMES & {alias.name for alias in node.names})
    )


class TestImporting:
    def test_opens_no_socket_and_reads_no_environment(self) -> None:
        assert imports(ROOT, *PACKAGES) == {"did": [], "imported": modules()}

    @pytest.mark.parametrize(
        ("source", "did"),
        [
            ("import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('127.0.0.1', 9))", ["socket.connect"]),
            ("import socket; socket.socket().bind(('127.0.0.1', 0))", ["socket.bind"]),
            ("import os; os.environ.get('TANDEM_REDIS_URL')", ["environment: careless/part.py"]),
            ("import os; 'HOME' in os.environ", ["environment: careless/part.py"]),
            ("import os; dict(os.environ)", ["environment: careless/part.py"]),
            ("import os; os.getenv('HOME')", ["environment: careless/part.py"]),
            ("import os; os.getpid()", []),
        ],
    )
    def test_would_show_what_a_careless_module_does(self, source: str, did: list[str], tmp_path: Path) -> None:
        (tmp_path / "careless").mkdir()
        (tmp_path / "careless" / "__init__.py").touch()
        (tmp_path / "careless" / "part.py").write_text(source)
        assert imports(tmp_path, "careless") == {"did": did, "imported": ["careless", "careless.part"]}


class TestEnvironment:
    def test_is_read_where_this_list_says_and_nowhere_else(self) -> None:
        assert {path for path, text in sources(*PACKAGES).items() if reads_environment(text)} == set(READERS)

    @pytest.mark.parametrize(
        "source", ["os.environ['HOME']", "os.getenv('HOME')", "from os import environ", "f({**os.environ})"]
    )
    def test_would_show_a_reader(self, source: str) -> None:
        assert reads_environment(source) == [1]

    @pytest.mark.parametrize("source", ["os.getpid()", "environ['HOME']", "from os import getpid"])
    def test_may_be_passed_on(self, source: str) -> None:
        assert reads_environment(source) == []
