"""Completion as a user of bash has it: from the script that the command line prints."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Complete = Callable[[str], list[str]]


def bash(script: str) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = ["bash", "--norc", "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def script() -> str:
    return bash("fingerprint --show-completion bash; true")  # not its last command, or bash would make way for it


@pytest.fixture(scope="module")
def complete(script: str) -> Complete:
    """Return a function that tells what bash offers at the end of a line."""

    def offers(line: str) -> list[str]:
        words = line.split(" ")
        return bash(
            f"{script}\nCOMP_WORDS=({' '.join(map(shlex.quote, words))})\nCOMP_CWORD={len(words) - 1}\n"
            '_fingerprint_completion fingerprint\nprintf "%s\\n" "${COMPREPLY[@]}"'
        ).split()

    return offers


def test_the_script_completes_fingerprint(script: str) -> None:
    assert "complete -o default -F _fingerprint_completion fingerprint" in script


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("fingerprint st", ["status", "stop"]),
        ("fingerprint doc", ["doctor"]),
        ("fingerprint --vers", ["--version"]),
        ("fingerprint dlq re", ["redrive"]),
        ("fingerprint up --kafka", ["--kafka", "--kafka-port"]),
        ("fingerprint alerts --format ", ["table", "json"]),
        ("fingerprint nothing", []),
    ],
)
def test_commands_options_and_values_are_offered(complete: Complete, line: str, offered: list[str]) -> None:
    assert complete(line) == offered


def test_without_a_letter_every_command_is_offered(complete: Complete) -> None:
    assert {"demo", "up", "ingest", "submit", "watch", "chaos", "train", "model"} < set(complete("fingerprint "))
