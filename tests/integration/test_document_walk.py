"""What documents print and needs a stack, run line by line, as printed and in its order, on the shared stack."""

from __future__ import annotations

import gzip
import json
import os
import pty
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
import requests
from confluent_kafka import Producer

from fingerprint_testing.paths import EXAMPLES, ROOT
from fingerprint_testing.printed_lines import OTHERS, WALKED, blocks_of, lines_to_run, reason_against
from ingest.kafka.broker import ensure_topics
from jobs.cluster.flink_client import ask, check_job, find_running_job
from jobs.config import DEAD_LETTER_TOPIC
from stack.stack_status import StackStatus

INGEST = "./fingerprint ingest"
STAND_IN = "./fingerprint replay examples/recordings --suffix -live"
"""In place of `ingest`, which asks a real venue: test_live.py has one of its own."""

BASH = shutil.which("bash") or ""
ANSWERS = {
    "./fingerprint alerts": (0, 1),
    "./fingerprint dlq redrive --partition": (1,),
}
"""Exit codes that are an answer: something is critical, a record is still invalid."""

TOPIC = "printed_messages"
STARTS_A_JOB = re.compile(r"\./fingerprint submit(?!.* --(print-command|check|unless-running))")
NEEDS_A_JOB = re.compile(r"\./fingerprint (stop|model)\b")
LOGINS = ("grafana", "job", "model_admin", "owner", "reader")


@dataclass(frozen=True)
class Reader:
    """Somebody who types what is printed, in a folder where the printed paths lead to those of the checkout."""

    folder: Path
    environment: dict[str, str]
    flink_url: str

    def run(self, line: str) -> str:
        """Run a line, and return what it printed."""
        codes = next((codes for beginning, codes in ANSWERS.items() if line.startswith(beginning)), (0,))
        done = subprocess.run(
            [BASH, "-c", line],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode in codes, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def press_q(self, line: str) -> None:
        """Run a command that fills a terminal, and press its key to end once it has drawn something."""
        ours, its = pty.openpty()
        with subprocess.Popen(
            [BASH, "-c", line], cwd=self.folder, env=self.environment, stdin=its, stdout=its, stderr=its
        ) as shown:
            os.close(its)
            end_s = time.monotonic() + 120
            while shown.poll() is None:
                assert time.monotonic() < end_s, f"{line} did not end"
                try:
                    os.read(ours, 65_536)
                    os.write(ours, b"q")
                except OSError:  # it has closed its end
                    break
            assert shown.wait(60) == 0
        os.close(ours)

    def follow(self, line: str) -> str:
        """Run a line, after what a reader does before it without being told, and return what it printed."""
        has_job = find_running_job(self.flink_url) is not None
        if STARTS_A_JOB.match(line) and has_job:
            self.run("./fingerprint stop")
        elif NEEDS_A_JOB.match(line) and not has_job:
            self.run("./fingerprint submit")
        if line.startswith("./fingerprint watch") and "--once" not in line:
            self.press_q(line)
            return ""
        return self.run(line)


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
        requests.patch(f"{local_stack.flink_url}/jobs/{job.job_id}", params={"mode": "cancel"}, timeout=60)
        wait_until(lambda: find_running_job(local_stack.flink_url) is None, what="the end of the job")


@pytest.fixture
def reader(local_stack: StackStatus, checkout: Path, stack_environment: dict[str, str]) -> Reader:
    environment = stack_environment | {"TERM": "xterm-256color", "FINGERPRINT_ALLOW_ROOT": "1"}
    return Reader(checkout, environment, local_stack.flink_url)


@pytest.mark.usefixtures("no_job_stays")
def test_the_documents_are_a_walk(reader: Reader, wait_until: Callable[..., None]) -> None:
    printed = [line for name in WALKED for block in blocks_of(name, ("sh",)) for line in block.lines]
    lines = list(dict.fromkeys(line for line in printed if line.startswith(INGEST) or reason_against(line) is None))
    assert {f"./fingerprint {name}" for name in ("doctor", "migrate", "submit", "alerts", "stop")} <= set(lines)
    for line in lines:
        if line.startswith(INGEST):
            reader.run(STAND_IN)
        elif line == "./fingerprint explain CONNECTION":
            wait_until(lambda: "kraken-2-live" in reader.run("./fingerprint watch --once"), what="a verdict")
            of_one = line.replace("CONNECTION", "kraken-2-live")
            wait_until(
                lambda of_one=of_one: "kraken-2-live\tcoinbase\tcertain" in reader.run(of_one),
                what="the last verdict",
                found=lambda of_one=of_one: reader.run(of_one),
            )
        elif "-v hours=100000" in line:
            wait_until(lambda line=line: "kraken-2 " in reader.run(line), what="a mismatch")
        else:
            reader.follow(line)


@pytest.fixture
def no_login_stays(admin_database_url: str) -> Iterator[None]:
    """Drop the logins that documents make."""
    yield
    with closing(psycopg2.connect(admin_database_url)) as connection, connection, connection.cursor() as cursor:
        for login in LOGINS:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (login,))
            if cursor.fetchone():
                cursor.execute(f"DROP OWNED BY {login}; DROP ROLE {login}")


@pytest.fixture
def with_own_topic(local_stack: StackStatus, database_url: str, checkout: Path, toy_model: Path) -> None:
    """Let the folder name a topic and a database, and have the recordings and models that documents name."""
    config = checkout / "fingerprint.toml"
    config.touch(mode=0o600)
    config.write_text(f"topic = {json.dumps(TOPIC)}\ndatabase_url = {json.dumps(database_url)}\n")
    ensure_topics(local_stack.kafka, [TOPIC, DEAD_LETTER_TOPIC], 4)
    for name in ("my-model", "with-bitflyer"):
        shutil.copytree(toy_model, checkout / name)
    (checkout / "captures").mkdir()
    for name in ("kraken-orders-1.jsonl.gz", "kraken-2.jsonl.gz"):
        frames = gzip.decompress((EXAMPLES / name).read_bytes()).splitlines(keepends=True)
        (checkout / "captures" / name).write_bytes(gzip.compress(b"".join(frames[:100])))


def publish_invalid(kafka: str) -> None:
    """Write what documents send again and skip: a record under another key, and one that is not JSON at 2:1234."""
    producer = Producer({"bootstrap.servers": kafka})
    message = {"connection_id": "theirs", "msg_type": "NEW", "recv_ts_ns": 1_760_000_000 * 10**9}
    producer.produce(TOPIC, json.dumps(message), "wrong", partition=2)
    for number in range(1233):
        message = {"connection_id": "mine", "msg_type": "NEW", "recv_ts_ns": (176_000_000_000 + number) * 10**7}
        producer.produce(TOPIC, json.dumps(message), "mine", partition=2)
    producer.produce(TOPIC, b"{", "mine", partition=2)
    assert producer.flush(60) == 0


@pytest.mark.slow
@pytest.mark.usefixtures("no_job_stays", "no_login_stays", "with_own_topic")
def test_the_other_documents_run_on_a_stack(
    reader: Reader, local_stack: StackStatus, admin_database_url: str, wait_until: Callable[..., None]
) -> None:
    mail = reader.folder / "bin" / "mail"
    mail.parent.mkdir()
    mail.write_text("#!/bin/sh\ncat > mailbox\n")
    mail.chmod(0o755)
    reader.environment["PATH"] = f"{mail.parent}{os.pathsep}{reader.environment['PATH']}"
    reader.environment["GRAFANA_DB_PASSWORD"] = secrets.token_hex(24)
    administrator = replace(reader, environment=reader.environment | {"DATABASE_URL": admin_database_url})

    publish_invalid(local_stack.kafka)
    reader.run("./fingerprint replay examples/recordings")

    def rejected() -> set[tuple[int, int]]:
        records = map(json.loads, reader.run("./fingerprint dlq list --format json").splitlines())
        return {(record["partition"], record["offset"]) for record in records}

    def is_whole() -> bool:
        with suppress(AssertionError):
            return bool(reader.run("./fingerprint results diff"))
        return False

    failed, said = [], {}
    for name in OTHERS:
        for line in lines_to_run(name, on_a_stack=True):
            if line == "./fingerprint dlq list":
                wait_until(lambda: {(2, 0), (2, 1234)} <= rejected(), what="dead-letter records", found=rejected)
            elif line == "./fingerprint results hash":
                wait_until(is_whole, what="all rows")
            who = administrator if " login " in line else reader
            try:
                said[line] = who.follow(line.replace("CONNECTION", "kraken-2"))
            except (AssertionError, subprocess.TimeoutExpired) as error:
                failed.append(f"{name}: {error}")
    assert not failed, "\n".join(failed)
    hashes = [re.findall("[0-9a-f]{64}", said[f"./fingerprint results hash{of}"]) for of in ("", " --from-topic")]
    assert hashes[0] == hashes[1] != []


@pytest.mark.slow
@pytest.mark.usefixtures("no_job_stays")
def test_the_job_goes_on_from_what_flinks_own_command_saved(
    local_stack: StackStatus, reader: Reader, wait_until: Callable[..., None]
) -> None:
    (reader.folder / ".venv").symlink_to(ROOT / ".venv")
    document = (ROOT / "docs" / "operate.md").read_text()
    found = re.search(r"\*\*Flink's own command\*\*.*?```sh\n(.*?)```", document, flags=re.DOTALL)
    assert found is not None
    assign, *printed, resume = (re.sub(r"\s+#.*", "", line) for line in found[1].splitlines())
    for line in ("migrate", "replay examples/recordings", "submit"):
        reader.run(f"./fingerprint {line}")
    job = find_running_job(local_stack.flink_url)
    assert job is not None
    wait_until(lambda: not check_job(local_stack.flink_url).problem, what="tasks that all run")
    address = urlsplit(local_stack.flink_url).netloc
    shown = [
        reader.run(f"{assign}; {line.replace('127.0.0.1:8081', address).replace('JOB', job.job_id)}")
        for line in printed
    ]
    assert job.job_id in shown[0]
    saved = [re.search(r"Savepoint completed. Path: file:(/\S+)", text) for text in shown[1:]]
    assert all(saved)
    assert resume == "./fingerprint submit --from-savepoint SAVEPOINT"
    assert saved[-1] is not None
    reader.run(resume.replace("SAVEPOINT", saved[-1][1]))
    again = find_running_job(local_stack.flink_url)
    assert again is not None
    restored = ask(local_stack.flink_url, f"/jobs/{again.job_id}/checkpoints")["latest"]["restored"]
    assert restored["external_path"] == f"file:{saved[-1][1]}"
