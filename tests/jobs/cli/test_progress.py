"""What is said of a long step: how long it took the last time on this machine, and nothing where that is not known."""

from __future__ import annotations

import time
from pathlib import Path
from queue import SimpleQueue

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


class Turns:
    """An event that nobody waits for by the clock: a line is due when the test takes a turn."""

    def __init__(self) -> None:
        self._turns = SimpleQueue[bool]()

    def take(self) -> None:
        self._turns.put(False)

    def set(self) -> None:
        self._turns.put(True)

    def wait(self, _timeout_s: float) -> bool:
        return self._turns.get(timeout=60)


def test_a_step_that_lasts_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It began before a line was due, and no other step comes after it."""
    turns = Turns()
    said: list[str] = []
    monkeypatch.setattr(progress, "Event", lambda: turns)
    monkeypatch.setattr(progress, "say", said.append)
    with progress.shown_steps("Enrolling bitflyer", "enrol") as tell:
        tell("reading recordings")
        tell("drawing sessions")
        for _ in range(3):
            turns.take()
    assert [line.partition(" (")[0] for line in said] == ["Enrolling bitflyer", "Enrolling bitflyer: drawing sessions"]


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
