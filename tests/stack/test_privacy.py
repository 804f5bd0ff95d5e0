"""Others on the machine see no file of a stack, and its processes of the user's environment only what is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stack.privacy import close_folders, let_through, passed_on, private_files
from stack.processes import MARK, environment, spawn


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_only_named_variables_are_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("DATABASE_URL", "postgresql://a:canary@h/d")
    monkeypatch.setenv("https_proxy", "http://me:canary@proxy")
    monkeypatch.setenv("TZ", "UTC")
    found = environment(tmp_path, {"EXTRA": "1"})
    assert "canary" not in str(found)
    assert (found["TZ"], found["EXTRA"], found[MARK]) == ("UTC", "1", str(tmp_path))
    assert passed_on({"PATH": "/bin", "PGPASSWORD": "canary"}) == {"PATH": "/bin"}


def test_a_child_has_no_more_than_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    out = tmp_path / "out"
    process = spawn([sys.executable, "-c", "import os; print(dict(os.environ))"], tmp_path, out, {}, None)
    assert process.wait(60) == 0
    assert "canary" not in out.read_text()


def test_files_are_private_while_it_is_said(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with private_files():
            (tmp_path / "inner").mkdir()
            (tmp_path / "inner" / "file").touch()
            subprocess.run([sys.executable, "-c", "open('of-child', 'w')"], cwd=tmp_path, check=True)
        (tmp_path / "after").touch()
    finally:
        os.umask(before)
    assert [mode(tmp_path / name) for name in ("inner", "inner/file", "of-child", "after")] == [
        0o700,
        0o600,
        0o600,
        0o644,
    ]


def test_what_an_earlier_version_left_is_closed_and_nothing_else(tmp_path: Path) -> None:
    for name in ("logs", "flink/checkpoints", "own"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").touch()
    outside = tmp_path / "outside"
    outside.touch()
    (tmp_path / "logs" / "link").symlink_to(outside)
    for path in tmp_path.rglob("*"):
        path.chmod(0o755)
    close_folders(tmp_path)
    closed = ("logs", "logs/file", "flink", "flink/checkpoints", "flink/checkpoints/file")
    assert [mode(tmp_path / name) for name in closed] == [0o700] * 5
    assert [mode(path) for path in (tmp_path / "own", tmp_path / "own" / "file", outside)] == [0o755] * 3


def test_a_group_passes_through_a_folder_and_sees_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    let_through(tmp_path, os.getgid())
    assert mode(tmp_path) == 0o710
