"""What the quick start and README print, run line by line, as printed and in their order, on the shared stack."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from fingerprint_testing.paths import EXAMPLES, ROOT
from jobs.cluster.flink_client import ask, check_job, find_running_job
from stack.stack_status import StackStatus

DOCUMENTS = ("docs/quick-start.md", "README.md")
NOT_HERE = {
    "demo": "a stack of its own; .ci/run runs it",
    "test": "these are its tests",
    "record kraken": "a real venue; test_live.py has one of its own",
    "down": "the shared stack goes on; tests/stack stops one",
    "up": "the shared stack runs, and `up` has tests in tests/stack",
}
"""Commands that are not run, and why."""

STAND_IN = "./fingerprint replay examples/recordings --suffix -live"
"""In place of `ingest`, which asks a real venue: test_live.py has one of its own."""

BASH = shutil.which("bash") or ""
CRITICAL = 1
"""The exit code of `alerts` where something is critical."""


def printed_lines() -> list[str]:
    """Return the lines of all shell blocks of the documents, each once and without its comment."""
    blocks = (re.findall(r"```sh\n(.*?)```", (ROOT / name).read_text(), flags=re.DOTALL) for name in DOCUMENTS)
    lines = (line for found in blocks for block in found for line in block.splitlines())
    return list(dict.fromkeys(re.sub(r"\s+#.*", "", line) for line in lines))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Make a folder in which printed paths lead to those of the checkout, and `mine` has a recording."""
    for name in ("fingerprint", "examples", "sql"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "mine").mkdir()
    shutil.copy(EXAMPLES / "kraken-1.jsonl.gz", tmp_path / "mine")
    return tmp_path


@pytest.fixture
def no_job_stays(local_stack: StackStatus, wait_until: Callable[..., None]) -> Iterator[None]:
    """End the job of a walk that has failed."""
    yield
    if (job := find_running_job(local_stack.flink_url)) is not None:
        requests.patch(f"{local_stack.flink_url}/jobs/{job.job_id}", params={"mode": "cancel"}, timeout=10)
        wait_until(lambda: find_running_job(local_stack.flink_url) is None, what="the end of the job")


def run(line: str, folder: Path, environment: dict[str, str], codes: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(
        [BASH, "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode in codes, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def press_q(line: str, folder: Path, environment: dict[str, str]) -> None:
    """Run a command that fills a terminal, and press its key to end once it has drawn something."""
    ours, its = pty.openpty()
    with subprocess.Popen([BASH, "-c", line], cwd=folder, env=environment, stdin=its, stdout=its, stderr=its) as shown:
        os.close(its)
        end_s = time.monotonic() + 60
        while shown.poll() is None:
            assert time.monotonic() < end_s, f"{line} did not end"
            try:
                os.read(ours, 65_536)
                os.write(ours, b"q")
            except OSError:  # it has closed its end
                break
        assert shown.wait(60) == 0
    os.close(ours)


@pytest.mark.usefixtures("no_job_stays")
def test_the_documents_are_a_walk(
    checkout: Path, stack_environment: dict[str, str], wait_until: Callable[..., None]
) -> None:
    environment = stack_environment | {"TERM": "xterm-256color", "FINGERPRINT_ALLOW_ROOT": "1"}

    def shown(line: str, codes: tuple[int, ...] = (0,)) -> str:
        return run(line, checkout, environment, codes)

    walked = []
    for line in printed_lines():
        command = line.removeprefix("./fingerprint ")
        if f"{command} ".startswith(tuple(f"{name} " for name in NOT_HERE)):
            continue
        walked.append(command)
        if command == "watch":
            press_q(line, checkout, environment)
        elif command.startswith("ingest "):
            shown(STAND_IN)
        elif command == "explain CONNECTION":
            wait_until(lambda: "kraken-2-live" in shown("./fingerprint watch --once"), what="a verdict")
            assert "kraken-2-live\tcoinbase\tcertain" in shown(line.replace("CONNECTION", "kraken-2-live"))
        elif "-v hours" in command:
            wait_until(lambda line=line: "kraken-2 " in shown(line), what="a mismatch")
        else:
            shown(line, (0, CRITICAL) if command == "alerts" else (0,))
    assert {"doctor", "migrate", "submit", "alerts", "stop", "score mine --declared kraken"} <= set(walked)


@pytest.mark.slow
@pytest.mark.usefixtures("no_job_stays")
def test_the_job_goes_on_from_what_flinks_own_command_saved(
    local_stack: StackStatus, checkout: Path, stack_environment: dict[str, str], wait_until: Callable[..., None]
) -> None:
    (checkout / ".venv").symlink_to(ROOT / ".venv")
    environment = stack_environment | {"FINGERPRINT_ALLOW_ROOT": "1"}
    document = (ROOT / "docs" / "operate.md").read_text()
    found = re.search(r"\*\*Flink's own command\*\*.*?```sh\n(.*?)```", document, flags=re.DOTALL)
    assert found is not None
    assign, *printed, resume = (re.sub(r"\s+#.*", "", line) for line in found[1].splitlines())
    for line in ("migrate", "replay examples/recordings", "submit"):
        run(f"./fingerprint {line}", checkout, environment)
    job = find_running_job(local_stack.flink_url)
    assert job is not None
    wait_until(lambda: not check_job(local_stack.flink_url).problem, what="tasks that all run")
    address = urlsplit(local_stack.flink_url).netloc
    shown = [
        run(f"{assign}; {line.replace('127.0.0.1:8081', address).replace('JOB', job.job_id)}", checkout, environment)
        for line in printed
    ]
    assert job.job_id in shown[0]
    saved = [re.search(r"Savepoint completed. Path: file:(/\S+)", text) for text in shown[1:]]
    assert all(saved)
    assert resume == "./fingerprint submit --from-savepoint SAVEPOINT"
    assert saved[-1] is not None
    run(resume.replace("SAVEPOINT", saved[-1][1]), checkout, environment)
    again = find_running_job(local_stack.flink_url)
    assert again is not None
    restored = ask(local_stack.flink_url, f"/jobs/{again.job_id}/checkpoints")["latest"]["restored"]
    assert restored["external_path"] == f"file:{saved[-1][1]}"
