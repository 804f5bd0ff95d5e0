"""What is said of a long step: how long it took the last time on this machine, and nothing where that is not known."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from jobs.cli import progress


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the command line remember durations in a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "exchange-fingerprint" / "durations.json"


def spend(monkeypatch: pytest.MonkeyPatch, seconds: float, kind: str = "enrol") -> None:
    """Run a step of a kind that takes as long by the clock."""
    times_s = iter([0.0, seconds])
    monkeypatch.setattr(time, "monotonic", lambda: next(times_s))
    with progress.shown_steps("Enrolling bitflyer", kind):
        pass


def test_the_last_duration_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    spend(monkeypatch, 90.0)
    assert capsys.readouterr().err == "  Enrolling bitflyer\n"
    spend(monkeypatch, 20.0)
    assert capsys.readouterr().err == "  Enrolling bitflyer (1 min 30 s the last time)\n"
    spend(monkeypatch, 5.0, "train")
    spend(monkeypatch, 5.0)
    assert "(20 s the last time)" in capsys.readouterr().err


def test_a_step_that_lasts_is_named_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It began before a line was due, and no other step comes after it."""
    monkeypatch.setattr(progress, "_LINE_EVERY_S", 0.05)
    said, end_s = "", time.monotonic() + 60
    with progress.shown_steps("Enrolling bitflyer", "enrol") as tell:
        tell("reading recordings")
        tell("drawing sessions")
        while "drawing" not in said and time.monotonic() < end_s:
            time.sleep(0.01)
            said += capsys.readouterr().err
        time.sleep(0.3)
    said += capsys.readouterr().err
    assert said.count("  Enrolling bitflyer: drawing sessions (") == 1
    assert "reading" not in said


def test_what_fails_is_not_remembered(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    with pytest.raises(KeyboardInterrupt), progress.shown_steps("Training", "train"):
        raise KeyboardInterrupt
    assert not cache.exists()


@pytest.mark.parametrize("content", ["", "[]", '{"enrol": "long"}', '{"enrol": -1.0}', "\udcff"])
def test_a_broken_file_is_as_none(
    content: str, monkeypatch: pytest.MonkeyPatch, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache.parent.mkdir()
    cache.write_bytes(content.encode(errors="surrogateescape"))
    spend(monkeypatch, 20.0)
    assert capsys.readouterr().err == "  Enrolling bitflyer\n"
    spend(monkeypatch, 20.0)
    assert "(20 s the last time)" in capsys.readouterr().err
