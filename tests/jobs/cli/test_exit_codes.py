"""Each exit code of the table, from a command that ends with it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobs.cli.exit_codes import MEANINGS, ExitCode, failed_if
from jobs.cli.main import build_app

FINGERPRINT = str(Path(sys.executable).parent / "fingerprint")
CLI = Path(__file__).parents[3] / "jobs" / "cli"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--version"], ExitCode.OK),
        (["psql"], ExitCode.FAILED),
        (["inspect", "."], ExitCode.FAILED),
        (["status", "--colour"], ExitCode.USAGE),
        (["inspect"], ExitCode.USAGE),
        (["nothing"], ExitCode.USAGE),
    ],
)
def test_a_command_ends_with_its_code(arguments: list[str], code: ExitCode, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    environment["FINGERPRINT_HOME"] = str(tmp_path)
    command = [FINGERPRINT, *arguments]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=False, timeout=60)
    assert done.returncode == code


def test_ctrl_c_ends_a_command_with_its_code(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as flink:  # takes the question and never answers
        flink.settimeout(60)
        address = f"http://127.0.0.1:{flink.getsockname()[1]}"
        command = [FINGERPRINT, "stop", "--home", str(tmp_path), "--flink", address]
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background may ignore it
        try:
            stop = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        finally:
            signal.signal(signal.SIGINT, before)
        with stop:
            connection, _ = flink.accept()
            with connection:
                assert connection.recv(1)  # asked: the command waits until it is told to end
                stop.send_signal(signal.SIGINT)
                assert stop.wait(timeout=60) == ExitCode.INTERRUPTED
            assert stop.stderr is not None
            assert "Traceback" not in stop.stderr.read()


def test_codes_of_signals_are_a_shells() -> None:
    shells = {ExitCode.HUNG_UP: 128 + 1, ExitCode.INTERRUPTED: 128 + 2, ExitCode.TERMINATED: 128 + 15}
    assert {code: int(code) for code in shells} == shells


def test_a_check_that_finds_something_fails() -> None:
    assert (failed_if(True), failed_if(False)) == (ExitCode.FAILED, ExitCode.OK)


def test_the_help_ends_with_every_code() -> None:
    shown = CliRunner(env={"COLUMNS": "600"}).invoke(build_app([]), ["--help"]).stdout
    _, _, codes = shown.partition("Exit codes:")
    assert set(MEANINGS) == set(ExitCode)
    for code, meaning in MEANINGS.items():
        assert f" {code.value}: {meaning.replace('`', '')}" in codes


def test_no_command_has_a_code_that_is_not_in_the_table() -> None:
    literal = re.compile(r"(?:Exit|exit|SystemExit)\((?:code=)?\d")
    found = [path for path in CLI.rglob("*.py") if literal.search(path.read_text())]
    assert not found
