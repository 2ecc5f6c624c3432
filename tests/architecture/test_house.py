"""The house: what stands at the top, how large things are, and the words that name nothing."""

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import pytest

from tests.support.sources import PACKAGES, ROOT, sources

AT_THE_TOP = {*PACKAGES, "tests", "pyproject.toml", "README.md", "Makefile", "LICENSE", "requirements.lock"}
LONGEST_FILE = 300  # lines
LONGEST_FUNCTION = 40
# Words that say nothing about what is behind them.
EMPTY_WORDS = {"service", "manager", "helper", "util", "base", "common", "core", "misc"}
EMPTY_NAMES = {"process_data"}
# Alembic makes these, and a change of many tables is one function of theirs.
MIGRATIONS = "/migrations/versions/"


def strays(paths: Iterable[str]) -> set[str]:
    """Return what is at the top and has no place there."""
    top = {PurePosixPath(path).parts[0] for path in paths}
    return {name for name in top - AT_THE_TOP if not name.startswith(".")}


def long_functions(source: str) -> list[str]:
    return [
        f"{function.name}: {length} lines"
        for function in ast.walk(ast.parse(source))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        if (length := (function.end_lineno or function.lineno) - function.lineno + 1) > LONGEST_FUNCTION
    ]


def names(path: str, source: str) -> Iterator[str]:
    """Return the names of a file's folders, of the file, and of the classes and functions in it."""
    yield from PurePosixPath(path).with_suffix("").parts
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def words(name: str) -> set[str]:
    return {word.lower() for word in re.findall("[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def empty_words(path: str, source: str) -> list[str]:
    found = set(names(path, source))
    said = {word for name in found for word in words(name)}
    return sorted(found & EMPTY_NAMES | {word for word in said if {word, word.removesuffix("s")} & EMPTY_WORDS})


def tracked() -> list[str]:
    """Return what belongs to the project; without git, all there is but what a build leaves."""
    try:
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return [path.name for path in ROOT.iterdir() if path.suffix != ".egg-info" and path.name != "dist"]
    return listed.splitlines()


class TestTop:
    def test_holds_only_the_packages_and_what_tools_insist_on(self) -> None:
        assert strays(tracked()) == set()

    def test_would_show_a_stray(self) -> None:
        assert strays(["api/app.py", ".gitignore", "utils/x.py", "notes.txt"]) == {"utils", "notes.txt"}


class TestSize:
    def test_of_every_file_is_readable(self) -> None:
        lengths = {path: len(text.splitlines()) for path, text in sources(*PACKAGES).items()}
        assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}

    def test_of_every_function_is_readable(self) -> None:
        found = {
            path: long_functions(text) for path, text in sources(*PACKAGES).items() if MIGRATIONS not in f"/{path}"
        }
        assert {path: functions for path, functions in found.items() if functions} == {}

    def test_would_show_a_long_function(self) -> None:
        body = "    pass\n"
        assert long_functions("async def short():\n" + 39 * body) == []
        assert long_functions("class A:\n  async def long():\n" + 40 * body) == ["long: 41 lines"]


class TestWords:
    def test_all_say_something(self) -> None:
        found = {path: empty_words(path, text) for path, text in sources(*PACKAGES).items()}
        assert {path: named for path, named in found.items() if named} == {}

    @pytest.mark.parametrize(
        ("path", "source", "found"),
        [
            ("api/utils/text.py", "", ["utils"]),
            ("domain/order_service.py", "", ["service"]),
            ("domain/order.py", "class OrderManager: pass", ["manager"]),
            ("domain/order.py", "class BaseHTTPHelper: pass", ["base", "helper"]),
            ("domain/order.py", "async def process_data(): pass", ["process_data"]),
            ("domain/database.py", "class Metadata:\n  def rebase(self): pass", []),
        ],
    )
    def test_would_show_one_that_does_not(self, path: str, source: str, found: list[str]) -> None:
        assert empty_words(path, source) == found
