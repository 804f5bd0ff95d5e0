"""The configuration file: below flags and environment, above the defaults; a mistake in it is one sentence."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import typer.main

from fingerprint_testing.paths import EXAMPLES, ROOT
from jobs.cli.configuration import KEYS, defaults_of, find_configuration, read_configuration
from jobs.cli.main import build_app
from udfs.errors import ConfigError

APP: Any = typer.main.get_command(build_app())
RUN = "from jobs.cli.main import main; main()"


def printed_file() -> str:
    """Return the file that the document prints."""
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "commands.md").read_text(), flags=re.DOTALL)
    assert len(blocks) == 1
    return str(blocks[0])


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    ours = ("FINGERPRINT_", "DATABASE_URL", "JOB_", "READER_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        cwd=folder,
        env=inherited | {"PYTHONPATH": str(ROOT), "FINGERPRINT_HOME": str(folder / "home")} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def address_in(said: str) -> str:
    match = re.search(r"Expected Kafka at (\S+) to answer", said)
    assert match is not None, said
    return match[1]


def test_flag_then_environment_then_file(tmp_path: Path) -> None:
    (tmp_path / "fingerprint.toml").write_text('kafka = "127.0.0.1:1"\n')
    by_variable = {"FINGERPRINT_KAFKA": "127.0.0.1:2"}
    with ThreadPoolExecutor() as pool:  # each waits ten seconds for an answer
        by_file = [pool.submit(run, tmp_path, *command) for command in (("publish",), ("dlq", "list"))]
        by_environment = pool.submit(run, tmp_path, "publish", **by_variable)
        by_flag = pool.submit(run, tmp_path, "publish", "--kafka", "127.0.0.1:3", **by_variable)
    assert [address_in(done.result().stderr) for done in by_file] == ["127.0.0.1:1"] * 2
    assert address_in(by_environment.result().stderr) == "127.0.0.1:2"
    assert address_in(by_flag.result().stderr) == "127.0.0.1:3"
    (tmp_path / "fingerprint.toml").unlink()
    assert "found neither --kafka nor FINGERPRINT_KAFKA nor a local stack" in run(tmp_path, "publish").stderr


def test_the_printed_file_is_understood_and_in_use(tmp_path: Path) -> None:
    """Its model scores, its addresses are asked, and `status` and `doctor` say whose they are."""
    (tmp_path / "of-mine.toml").write_text(printed_file())
    assert set(tomllib.loads(printed_file())) == set(read_configuration(tmp_path / "of-mine.toml"))
    found = json.loads(run(tmp_path, "status", "--format", "json", FINGERPRINT_CONFIG="of-mine.toml").stdout)
    assert found["configuration"] == str(tmp_path / "of-mine.toml")
    scored = run(tmp_path, "score", str(EXAMPLES / "kraken-1.jsonl.gz"), FINGERPRINT_CONFIG="of-mine.toml")
    by_hand = run(tmp_path, "score", str(EXAMPLES / "kraken-1.jsonl.gz"), "--model", "catalogue")
    assert scored.stdout == by_hand.stdout != run(tmp_path, "score", str(EXAMPLES / "kraken-1.jsonl.gz")).stdout


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("kafka_prt = 1", "Expected an option in .*, found kafka_prt: did you mean kafka_port"),
        ("colour = 1", "Expected an option in .*, found colour: it may have kafka, flink, database_url"),
        ('kafka_port = "9092"', "Expected kafka_port in .* to be a whole number, found '9092': correct it"),
        ("kafka_port = true", "to be a whole number, found True"),
        ("kafka = 9092", "Expected kafka in .* to be a text in quotes, found 9092"),
        ("[addresses]", "Expected an option in .*, found addresses"),
        ("kafka", "Expected .* to be TOML, found"),
        ("\xff", "Expected .* to be TOML, found"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "fingerprint.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=sentence):
        read_configuration(path)


def test_a_mistake_keeps_nobody_from_help(tmp_path: Path) -> None:
    (tmp_path / "fingerprint.toml").write_text("colour = 1")
    assert run(tmp_path, "--version").returncode == 0
    assert run(tmp_path, "status", "--help").returncode == 0
    done = run(tmp_path, "status")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    assert find_configuration({}, tmp_path) is None
    with pytest.raises(ConfigError, match="Expected FINGERPRINT_CONFIG to name a file, found none at"):
        find_configuration({"FINGERPRINT_CONFIG": "nowhere.toml"}, tmp_path)


def test_every_key_is_the_default_of_some_command() -> None:
    values = {key: "x" if kind is str else 1 for key, kind in KEYS.items()}
    for key in KEYS:
        assert any(defaults_of(APP, {key: values[key]}).values()), key


def test_a_database_is_that_of_the_commands_role() -> None:
    found = defaults_of(APP, {"database_url": "all", "reader_database_url": "reader"})
    assert found["watch"] == {"database_url": "reader"}
    assert found["migrate"] == {"database_url": "all"}
    assert found["dlq"]["redrive"] == {"database_url": "all"}


def test_a_model_is_that_of_what_scores() -> None:
    found = defaults_of(APP, {"model": "catalogue"})
    assert {name for name, values in found.items() if values.get("model") == "catalogue"} == {
        "score",
        "explain",
        "submit",
    }
    assert found["results"] == {"hash": {}, "diff": {}}


def test_doctor_says_that_others_may_read_a_password(tmp_path: Path) -> None:
    path = tmp_path / "fingerprint.toml"
    path.write_text('database_url = "postgresql://ann:secret@localhost:1/prices"')
    path.chmod(0o644)
    said = run(tmp_path, "doctor").stdout
    assert f"others may read the password in {path}: chmod 600 {path}" in said
    path.chmod(0o600)
    assert f"defaults of options are from {path}" in run(tmp_path, "doctor").stdout
