"""Logs of child processes, which no start and no restart makes longer without end."""

from pathlib import Path

from api.processes import bound


def test_a_log_that_is_too_long_is_kept_once_and_begun_anew_by_the_process_that_writes_it(tmp_path: Path) -> None:
    log, kept = tmp_path / "log", tmp_path / "log.1"
    kept.write_text("of long ago")
    log.write_text("of old\n")
    bound(log, most=100)
    assert (log.read_text(), kept.read_text()) == ("of old\n", "of long ago")

    with log.open("ab", buffering=0) as writer:  # as children have it
        bound(log, most=3)
        writer.write(b"of now\n")
    assert (log.read_text(), kept.read_text()) == ("of now\n", "of old\n")


def test_a_log_that_is_gone_is_nobody_s_trouble(tmp_path: Path) -> None:
    bound(tmp_path / "log")
    assert list(tmp_path.iterdir()) == []
