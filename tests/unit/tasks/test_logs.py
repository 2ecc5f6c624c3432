"""A log has a line for an event, whoever made it and whatever is in it; JSON of it is an object with all its fields."""

import json
import logging
import sys
from contextvars import copy_context
from typing import Any

import pytest

from tasks import logs

FORGED = "Ada\r\n2026-01-31 CRITICAL root all is lost\x1b[2J\x85\u2028\ud800"
ESCAPED = r"Ada\r\n2026-01-31 CRITICAL root all is lost\x1b[2J\x85\u2028\ud800"


def record(event: str, *args: object, **fields: Any) -> logging.LogRecord:
    made = logging.getLogger("tandem.tests").makeRecord(
        "tandem.tests", logging.WARNING, __file__, 1, event, args, None, extra=fields
    )
    made.created = 0.5
    return made


def fail(said: str) -> None:
    raise ValueError(said)


def failed(said: str = FORGED) -> logging.LogRecord:
    made = record("failed")
    try:
        fail(said)
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


@pytest.fixture(autouse=True)
def outside_of_requests() -> Any:
    token = logs.correlation_id.set("")
    yield
    logs.correlation_id.reset(token)


class TestText:
    def test_is_a_line_of_words(self) -> None:
        said = logs.Text().format(record("stream_set_aside", projection="users_view", error="a b", position=7))
        assert said == (
            "1970-01-01T00:00:00.500+00:00 WARNING tandem.tests stream_set_aside "
            'projection=users_view error="a b" position=7'
        )

    def test_names_the_request(self) -> None:
        logs.begin("r-1")
        assert logs.Text().format(record("x", n=1)).endswith(" x correlation_id=r-1 n=1")

    @pytest.mark.parametrize("said", [record("%s", FORGED), record("x", name_=FORGED)])
    def test_is_one_line_whatever_is_in_it(self, said: logging.LogRecord) -> None:
        line = logs.Text().format(said)
        assert line.isprintable()
        assert r"Ada\r\n2026-01-31" in line

    def test_escapes_what_a_library_was_given(self) -> None:
        assert logs.Text().format(record("no such user: %s", FORGED)).endswith(f" no such user: {ESCAPED}")

    def test_indents_a_trace_so_that_none_of_it_looks_like_a_line(self) -> None:
        first, *trace = logs.Text().format(failed()).split("\n")
        assert first.endswith(" WARNING tandem.tests failed")
        assert all(line.startswith("    ") and line.isprintable() for line in trace)
        assert trace[-1].endswith(r"root all is lost\x1b[2J\x85\u2028\ud800")


class TestJson:
    def test_has_every_field(self) -> None:
        logs.begin("r-1")
        assert json.loads(logs.Json().format(record("command", outcome="accepted", n=1))) == {
            "time": "1970-01-01T00:00:00.500+00:00",
            "level": "WARNING",
            "logger": "tandem.tests",
            "event": "command",
            "correlation_id": "r-1",
            "outcome": "accepted",
            "n": 1,
        }

    def test_names_the_request_that_an_event_came_of_rather_than_the_one_at_work(self) -> None:
        logs.begin("r-1")
        assert json.loads(logs.Json().format(record("x", correlation_id="r-0")))["correlation_id"] == "r-0"
        assert json.loads(logs.Json().format(record("x", correlation_id=None)))["correlation_id"] == "r-1"

    def test_is_one_line_of_ascii_whatever_is_in_it(self) -> None:
        line = logs.Json().format(record("%s", FORGED, of=FORGED, other=object()))
        assert line.isascii()
        assert line.isprintable()
        assert json.loads(line)["event"] == json.loads(line)["of"] == FORGED

    def test_holds_a_trace(self) -> None:
        said = json.loads(logs.Json().format(failed()))
        assert said["trace"].startswith("Traceback (most recent call last):\n")
        assert said["trace"].endswith(f"ValueError: {FORGED}")


@pytest.mark.parametrize("form", [logs.Text, logs.Json])
def test_a_trace_leaves_out_the_row_that_a_store_adds(form: type[logging.Formatter]) -> None:
    said = form().format(
        failed("23514: a check is violated\nDETAIL:  Failing row (Ada).\nCONTEXT:  JSON data: Ada\nHINT:  none")
    )
    assert "a check is violated" in said
    assert "HINT:  none" in said
    assert "Ada" not in said


def test_a_warning_that_is_given_once_a_minute_is_given_again_in_the_next(caplog: pytest.LogCaptureFixture) -> None:
    now = iter((0.0, 30.0, 59.9, 60.0, 61.0))
    warn = logs.OnceAMinute(logging.getLogger("tandem.tests"), "gone", clock=lambda: next(now))
    for error in (OSError(), OSError(), OSError(), ValueError(), OSError()):
        warn(error)
    assert [(each.message, vars(each)["error"]) for each in caplog.records] == [
        ("gone", "OSError"),
        ("gone", "ValueError"),
    ]


class TestBegin:
    @pytest.mark.parametrize("asked", ["7", "a" * 128, "Root=1-67891233-abcdef012345678912345678", "a/b+c~d.e_f:g="])
    def test_takes_the_id_of_the_sender(self, asked: str) -> None:
        assert logs.begin(asked) == logs.correlation_id.get() == asked

    @pytest.mark.parametrize("asked", [None, "", "a" * 129, "a b", "a\nb", "ä", '"', "a\n"])
    def test_makes_one_where_that_is_none(self, asked: str | None) -> None:
        made = logs.begin(asked)
        assert len(made) == 36
        assert made == logs.correlation_id.get() != asked

    def test_concerns_what_goes_on_from_there_alone(self) -> None:
        copy_context().run(logs.begin, "inside")
        assert logs.correlation_id.get() == ""
