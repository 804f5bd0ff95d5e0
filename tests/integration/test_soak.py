"""A soak of seconds: every figure is there at its end, and so is every message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jobs.cli.main import build_app
from jobs.cluster.flink_client import find_running_job
from model.registry.database import connect
from stack.stack_status import StackStatus

pytestmark = pytest.mark.slow

PROCESSES = {"kafka", "zookeeper", "jobmanager", "taskmanager", "postgres", "publisher", "worker 1"}


@pytest.fixture(scope="module")
def folder(local_stack: StackStatus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("soak")
    options = ("--home", str(local_stack.home), "--out", str(folder), "--hours", str(30 / 3600), "--every", "2")
    done = CliRunner().invoke(
        build_app(), ["soak", *options, "--rate", "300", "--bad-share", "0.02"], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return folder


def test_everything_is_measured(folder: Path) -> None:
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    # Prometheus is part of the tests' stack where it can be had.
    assert set(summary["mb"]) - {"prometheus"} == PROCESSES | {"jobmanager heap", "taskmanager heap", "checkpoint"}
    assert all(size["last"] > 0 for size in summary["mb"].values())
    assert summary["windows"] > 0
    assert summary["latency_ms"]["p50"]["median"] > 0
    assert (summary["restarts"], summary["max_lag"] is not None) == (0, True)
    assert (folder / "soak.png").stat().st_size > 10_000


def test_what_was_bad_is_among_the_dead_letters(folder: Path) -> None:
    end = json.loads((folder / "summary.json").read_text())["end"]
    assert end["dead letters"] == end["bad"] > 0
    assert end["acknowledged"] > 1000


def test_nothing_is_left(folder: Path, local_stack: StackStatus) -> None:
    with connect(local_stack.database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname = 'soak'")
        assert cursor.fetchone() == (0,)
    assert find_running_job(local_stack.flink_url) is None
    assert not list((local_stack.home / "flink" / "checkpoints").glob("soak_*"))


def test_samples_of_a_soak_that_was_cut_off_are_plotted(folder: Path) -> None:
    (folder / "soak.png").unlink()
    done = CliRunner().invoke(build_app(), ["soak", "--plot", "--out", str(folder)], catch_exceptions=False)
    assert (done.exit_code, (folder / "soak.png").exists()) == (0, True)
