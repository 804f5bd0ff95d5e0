"""From an installed wheel, in a folder outside of any checkout: a stack, a job, its results, and an end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fingerprint_testing.installed_wheel import build_wheel, install_wheel
from fingerprint_testing.paths import EXAMPLES

pytestmark = pytest.mark.slow

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Return a function that runs the installed command in a folder that has recordings and nothing else."""
    wheel = build_wheel(tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel"))
    command = install_wheel(wheel, tmp_path / "venv").with_name("fingerprint")
    own = tmp_path / "own"
    shutil.copytree(EXAMPLES, own / "recordings")
    named = ("PYTHONPATH", "FINGERPRINT_KAFKA", "FINGERPRINT_FLINK", "DATABASE_URL")
    inherited = {key: value for key, value in os.environ.items() if key not in named}
    environment = inherited | {"FINGERPRINT_HOME": str(tmp_path / "home"), "FINGERPRINT_ALLOW_ROOT": "1"}

    def call(*words: str, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            [str(command), *words], cwd=own, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode in codes, f"{words}\n{done.stdout}{done.stderr}"
        return done.stdout

    yield call
    call("down", "--delete-data", codes=(0, 1))


def test_a_job_runs_from_an_installed_wheel(run: Run, wait_until: Callable[..., None]) -> None:
    """The job's functions run in Python workers, which find our packages without a checkout."""
    scored = json.loads(run("score", "recordings/kraken-2.jsonl.gz", "--format", "json"))
    assert (scored["connection_id"], scored["verdict"]) == ("kraken-2", "coinbase")
    run("up", "--kafka-port", "0", "--flink-port", "0", "--postgres-port", "0")
    run("migrate")
    run("submit")
    run("replay", "recordings")
    wait_until(lambda: "kraken-2\t-\tcoinbase\tcertain" in run("watch", "--once"), what="a verdict")
    assert "kraken-2\tcoinbase\tcertain" in run("explain", "kraken-2")
    wait_until(lambda: "The tables hold what the topic says" in run("results", "diff", codes=(0, 1)), what="all rows")
    assert run("psql", "-Atc", "SELECT count(*) FROM connection_status").strip() == "9"
    run("alerts", codes=(0, 1))
    run("stop")
    run("submit", "--resume")
    run("stop")
