"""Colours are for terminals that can show them, and for people who want them."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

FINGERPRINT = str(Path(sys.executable).parent / "fingerprint")
SWITCHES = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS", "GITHUB_ACTIONS", "TERM", "COLORTERM")
ADDRESSES = ("FINGERPRINT_KAFKA", "FINGERPRINT_FLINK", "DATABASE_URL")

ANY_COLOUR = re.compile(r"\x1b\[(?:[\d;]*;)?(?:[34]\d|9\d|10\d)(?:;[\d;]*)?m")
ESCAPE = "\x1b"
LINES = [["--help"], ["psql"]]  # what typer writes, and what we write: without an address psql says so in red


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if key not in (*SWITCHES, *ADDRESSES)}
    return {**inherited, "FINGERPRINT_HOME": str(tmp_path / "home"), "COLUMNS": "100"}


def on_a_terminal(arguments: list[str], environment: dict[str, str]) -> str:
    """Return what a command writes on a terminal."""
    reader, writer = pty.openpty()
    with subprocess.Popen([FINGERPRINT, *arguments], env=environment, stdout=writer, stderr=writer) as command:
        os.close(writer)
        written = b""
        while chunk := _read(reader):
            written += chunk
        command.wait(timeout=60)
    os.close(reader)
    assert written
    return written.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # Linux says so when nobody has the other end any more
        return b""


@pytest.mark.parametrize("arguments", LINES)
def test_a_terminal_gets_colours(arguments: list[str], environment: dict[str, str]) -> None:
    assert ANY_COLOUR.search(on_a_terminal(arguments, environment | {"TERM": "xterm-256color"}))


@pytest.mark.parametrize("arguments", LINES)
def test_no_color_takes_the_colours_away(arguments: list[str], environment: dict[str, str]) -> None:
    written = on_a_terminal(arguments, environment | {"TERM": "xterm-256color", "NO_COLOR": "1"})
    assert not ANY_COLOUR.search(written)


@pytest.mark.parametrize("arguments", LINES)
def test_a_dumb_terminal_gets_no_escape_codes(arguments: list[str], environment: dict[str, str]) -> None:
    assert ESCAPE not in on_a_terminal(arguments, environment | {"TERM": "dumb"})


@pytest.mark.parametrize("arguments", LINES)
def test_a_pipe_gets_no_escape_codes(arguments: list[str], environment: dict[str, str]) -> None:
    command = [FINGERPRINT, *arguments]
    done = subprocess.run(
        command, env=environment | {"TERM": "xterm-256color"}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout + done.stderr
    assert ESCAPE not in done.stdout + done.stderr
