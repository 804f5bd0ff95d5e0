"""Which user of the database each command logs in as."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobs.cli.main import build_app
from stack.ports import free_port
from udfs.errors import ConfigError, ServiceUnavailable

VARIABLES = ("JOB_DATABASE_URL", "MODEL_DATABASE_URL", "REDRIVE_DATABASE_URL", "READER_DATABASE_URL")
COMMANDS = {
    "alerts": "reader",
    "watch --once": "reader",
    "results hash": "reader",
    "results diff": "reader",
    "model list": "reader",
    "model activate some --kafka 127.0.0.1:1": "model",
    "model rollback --kafka 127.0.0.1:1": "model",
    "dlq redrive --reason null --kafka 127.0.0.1:1": "redrive",
    "dlq skip 0:7 --kafka 127.0.0.1:1": "redrive",
    "migrate": "owner",
}


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """A port that nobody listens on, so that a command says as whom it would have logged in."""
    closed = free_port()
    monkeypatch.setenv("FINGERPRINT_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", f"postgresql://owner:secret@127.0.0.1:{closed}/here")
    for variable in VARIABLES:
        user = variable.partition("_")[0].lower()
        monkeypatch.setenv(variable, f"postgresql://{user}:secret@127.0.0.1:{closed}/here")
    return closed


def refused(command: str) -> str:
    done = CliRunner().invoke(build_app(), command.split())
    assert isinstance(done.exception, ServiceUnavailable | ConfigError), done.output
    return str(done.exception)


@pytest.mark.usefixtures("port")
@pytest.mark.parametrize(("command", "user"), COMMANDS.items())
def test_each_command_logs_in_as_its_role(command: str, user: str) -> None:
    assert f"as user '{user}'" in refused(command)


@pytest.mark.usefixtures("port")
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_not_set_is_the_one_address(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable)
    assert "as user 'owner'" in refused(command)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_flag_beats_every_variable(command: str, port: int) -> None:
    assert "as user 'ann'" in refused(f"{command} --database-url postgresql://ann:secret@127.0.0.1:{port}/here")


@pytest.mark.usefixtures("port")
def test_a_job_and_its_models_are_in_one_database(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    services = f"--flink http://127.0.0.1:{port} --kafka 127.0.0.1:{port}"
    monkeypatch.setenv("MODEL_DATABASE_URL", f"postgresql://model:secret@127.0.0.1:{port}/elsewhere")
    sentence = refused(f"submit {services}")
    assert "found 'here' in JOB_DATABASE_URL and 'elsewhere' in MODEL_DATABASE_URL" in sentence
    url = f"postgresql://ann:secret@127.0.0.1:{port}/other"
    assert "Flink" in refused(f"submit {services} --database-url {url}")  # which counts for both
