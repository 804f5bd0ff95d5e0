"""The commands of the README one after the other, as a user types them, on the running stack."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from fingerprint_testing.paths import BENCHMARKS, EXAMPLES
from jobs.cluster.flink_client import find_running_job
from jobs.cluster.savepoints import Savepoints
from jobs.cluster.service_addresses import Addresses
from jobs.config import TOPIC
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from stack.roles import Role
from stack.stack_status import StackStatus

BIN = Path(sys.executable).parent


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def is_whole(flink_url: str, job_id: str) -> bool:
    vertices = requests.get(f"{flink_url}/jobs/{job_id}", timeout=60).json()["vertices"]
    return all(vertex["status"] == "RUNNING" for vertex in vertices)


@pytest.fixture
def fingerprint(stack_environment: dict[str, str]) -> Callable[..., str]:
    """Return a function that runs a command on the shared stack and gives back what it printed."""

    def call(*arguments: str) -> str:
        return run([str(BIN / "fingerprint"), *arguments], stack_environment).stdout

    return call


def test_from_publishing_to_watching(
    local_stack: StackStatus,
    stack_environment: dict[str, str],
    fingerprint: Callable[..., str],
    wait_until: Callable[..., None],
) -> None:
    assert all(part.name in fingerprint("status") for part in local_stack.parts)
    fingerprint("migrate")
    fingerprint("publish", "--fast", "--per-exchange", "2", "--duration", "60", "--seed", "1")
    # The job's login may not do that.
    fingerprint("model", "activate", "--from-start", str(DEFAULT_ARTIFACT))
    plain_flink_run = fingerprint("submit", "--print-command").strip()
    assert urlsplit(local_stack.database_urls[Role.JOB]).password not in plain_flink_run
    run(["bash", "-c", plain_flink_run], stack_environment)
    job = find_running_job(local_stack.flink_url)
    assert job is not None
    try:
        assert run([str(BIN / "fingerprint"), "submit", "--unless-running"], stack_environment).stdout == ""

        def are_shown() -> bool:
            shown = fingerprint("watch", "--once")
            exchanges = ("binance", "coinbase", "kraken")
            return shown.count("conn-") >= 5 and all(exchange in shown for exchange in exchanges)

        wait_until(are_shown, what="connections of each exchange to watch")
        savepoint = Path(fingerprint("stop").strip().removeprefix("file:"))
        assert savepoint == Savepoints(addresses=Addresses(home=local_stack.home), topic=TOPIC).last()
        fingerprint("submit", "--resume")
        # Its tasks are starting: they have nothing to save yet, and it must not end as one that keeps failing.
        saved_at_once = Path(fingerprint("stop").strip().removeprefix("file:"))
        assert saved_at_once not in (savepoint, Path())
        assert saved_at_once == Savepoints(addresses=Addresses(home=local_stack.home), topic=TOPIC).last()
    finally:
        if (left := find_running_job(local_stack.flink_url)) is not None:
            requests.patch(f"{local_stack.flink_url}/jobs/{left.job_id}", params={"mode": "cancel"}, timeout=60)
        wait_until(lambda: find_running_job(local_stack.flink_url) is None, what="the end of the job")


def test_the_examples_are_replayed(stack_environment: dict[str, str]) -> None:
    done = run([str(BIN / "fingerprint"), "replay", str(EXAMPLES), "--topic", "examples"], stack_environment)
    assert "11,380 messages of 9 connections" in done.stderr


def test_recordings_are_replayed(
    fingerprint: Callable[..., str], stack_environment: dict[str, str], captures: Path
) -> None:
    path = str(captures / "kraken")
    done = run([str(BIN / "fingerprint"), "replay", path, "--topic", "replayed", "--suffix", "-2"], stack_environment)
    # One of the five was recorded by a clock that began with its machine.
    assert "kraken_btcusd_l2__84bfe190a7 is left out" in done.stderr
    assert "14,401 messages of 4 connections" in done.stderr


@pytest.mark.slow
def test_the_benchmarks_run(local_stack: StackStatus, stack_environment: dict[str, str]) -> None:
    small = ["throughput", "--connections", "6", "--messages", "500", "--home", str(local_stack.home)]
    shown = run([sys.executable, str(BENCHMARKS / "bench_pipeline.py"), *small], stack_environment).stdout
    assert "3,000 messages, 114 windows" in shown
    for way, size in (("replay", ["--connections", "6", "--messages", "200"]), ("adapter", ["--frames", "1000"])):
        small = [way, *size, "--rounds", "1", "--kafka", local_stack.kafka]
        shown = run([sys.executable, str(BENCHMARKS / "bench_ingest.py"), *small], stack_environment).stdout
        assert shown.count("µs of CPU each") >= 3
    small = ["--sessions", "1", "--messages", "600"]
    shown = run([sys.executable, str(BENCHMARKS / "bench_health.py"), *small], stack_environment).stdout
    assert "synthetic: 4 sessions, 2,400 messages" in shown
    assert "order_entry all" in run([sys.executable, str(BENCHMARKS / "bench_features.py")], stack_environment).stdout
