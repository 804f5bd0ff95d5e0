"""Who may run Flink: root only if it is allowed to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from jobs.cli.main import build_app
from jobs.cli.stack import up as up_module
from jobs.cli.start import demo as demo_module
from stack.settings import StackSettings
from udfs.errors import ConfigError

ROOT, USER = 0, 1000


class Started(Exception):
    """The stack would start now."""


@pytest.fixture(autouse=True)
def stack_that_never_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_settings: StackSettings) -> None:
        raise Started

    monkeypatch.delenv("FINGERPRINT_ALLOW_ROOT", raising=False)
    monkeypatch.setattr(up_module, "start_with_progress", start)
    monkeypatch.setattr(demo_module, "start_with_progress", start)
    monkeypatch.setattr(demo_module, "wipe", lambda _home: None)


def call(monkeypatch: pytest.MonkeyPatch, uid: int, home: Path, *arguments: str) -> Result:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    return CliRunner().invoke(build_app(), [*arguments, "--home", str(home)])


@pytest.mark.parametrize("arguments", [["up"], ["demo", "--keep-running"]])
def test_what_stays_is_not_run_by_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str]) -> None:
    error = call(monkeypatch, ROOT, tmp_path, *arguments).exception
    assert isinstance(error, ConfigError)
    assert "found root" in str(error)
    assert "--allow-root" in str(error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "--allow-root"],
        ["up", "--flink", "http://127.0.0.1:1"],
        ["demo", "--keep-running", "--allow-root"],
        ["demo"],
    ],
)
def test_root_may_if_it_is_told_so_or_nothing_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str]
) -> None:
    assert isinstance(call(monkeypatch, ROOT, tmp_path, *arguments).exception, Started)


def test_the_environment_may_tell_it_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FINGERPRINT_ALLOW_ROOT", "1")
    assert isinstance(call(monkeypatch, ROOT, tmp_path, "up").exception, Started)


@pytest.mark.parametrize("arguments", [["up"], ["demo", "--keep-running"]])
def test_an_ordinary_user_may(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str]) -> None:
    assert isinstance(call(monkeypatch, USER, tmp_path, *arguments).exception, Started)
