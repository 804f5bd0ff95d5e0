"""What the launcher `fingerprint` says before there is an environment, and that an interrupted start says nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from fingerprint_testing.help_texts import FOLDER, help_texts
from fingerprint_testing.paths import ROOT
from jobs.cli.console import say_next


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """Make a clone's launcher and what it reads, on a machine without Python."""
    shutil.copytree(FOLDER, tmp_path / "docs" / "help")
    for name in ("fingerprint", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def launch(fresh: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    tools = fresh / "tools"
    tools.mkdir()
    for name in ("bash", "cat", "dirname", "readlink", "sed"):
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    command = [str(tools / "bash"), str(fresh / "fingerprint"), *arguments]
    return subprocess.run(command, env={"PATH": str(tools)}, capture_output=True, text=True, check=False, timeout=60)


def test_the_texts_are_the_help() -> None:
    written = {path.stem: path.read_text() for path in FOLDER.glob("*.txt")}
    assert written == help_texts(), "write them anew: python tests/support/fingerprint_testing/help_texts.py"


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((), "fingerprint"),
        (("--help",), "fingerprint"),
        (("-h",), "fingerprint"),
        (("submit", "--help"), "submit"),
        (("dlq", "--help"), "dlq"),
        (("dlq", "list", "-h"), "dlq-list"),
        (("score", "examples", "--help"), "score"),
        (("sbumit", "--help"), "fingerprint"),
    ],
)
def test_help_needs_no_environment(fresh: Path, arguments: tuple[str, ...], name: str) -> None:
    done = launch(fresh, *arguments)
    assert (done.returncode, done.stdout) == (0, (FOLDER / f"{name}.txt").read_text())
    assert "about 1 GB, once" in done.stderr
    assert not (fresh / ".venv").exists()


def test_the_version_needs_no_environment(fresh: Path) -> None:
    assert launch(fresh, "--version").stdout == f"fingerprint {version('exchange-fingerprint')}\n"


def test_ctrl_c_while_it_imports_is_no_traceback(tmp_path: Path) -> None:
    """A module that takes for ever stands for those that take long."""
    (tmp_path / "typer.py").write_text("import time; print('importing', flush=True); time.sleep(60)")
    # What is started in the background of a script ignores Ctrl-C, and so does all that it starts.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    begin = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; from exchange_fingerprint.command import main; main()"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", f"{heed}; {begin}"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        assert command.stdout.readline() == "importing\n"
        command.send_signal(signal.SIGINT)
        assert (command.wait(60), command.stderr.read()) == (130, "")


@pytest.mark.parametrize("called_as", [None, "./fingerprint"])
def test_what_comes_next_can_be_typed_as_it_stands(
    called_as: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FINGERPRINT_CALLED_AS", raising=False)
    if called_as is not None:
        monkeypatch.setenv("FINGERPRINT_CALLED_AS", called_as)
    say_next("It runs.", ("up", "starts it"), ("down --delete-data", "removes it"))
    name = called_as or "fingerprint"
    assert capsys.readouterr().err.splitlines() == [
        "It runs. Next:",
        f"  {name} up                  starts it",
        f"  {name} down --delete-data  removes it",
    ]
