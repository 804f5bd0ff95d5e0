"""docs/kafka-security.md, and what docs/security.md says of quotas: followed with a broker that asks who we are."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fingerprint_testing.paths import ROOT
from fingerprint_testing.printed_lines import blocks_of
from fingerprint_testing.secure_kafka import SecureKafka, secure_kafka, write_kafka_programs
from ingest.kafka.broker import ensure_topics
from jobs.cluster.flink_client import find_running_job
from jobs.config import DEAD_LETTER_TOPIC, TOPIC
from jobs.trials.sandbox import cancel_job
from stack.stack_status import StackStatus

pytestmark = pytest.mark.slow

BASH = shutil.which("bash") or ""


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[SecureKafka]:
    (tmp_path / "kafka").mkdir()
    with secure_kafka(tmp_path / "kafka") as broker:
        ensure_topics(broker.inside, [TOPIC, DEAD_LETTER_TOPIC], 2)
        broker.add_user("feed-1", [])
        broker.add_user("fingerprint-job", [])
        yield broker


@pytest.fixture
def folder(tmp_path: Path, kafka: SecureKafka) -> Path:
    """Make a folder with the file of properties that is printed, what it names, and Kafka's programs."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("fingerprint", "examples"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(kafka.folder / "ca.pem", folder)
    write_kafka_programs(folder)
    (printed,) = (text for block in blocks_of("docs/kafka-security.md", ("",)) if "sasl" in (text := block.lines[0]))
    assert "sasl.password=..." in printed
    (folder / "kafka.properties").touch(mode=0o600)
    password = kafka.passwords["fingerprint-job"]
    (folder / "kafka.properties").write_text(printed.replace("=...", f"={password}"))
    return folder


def test_the_lines_of_the_documents_run(
    kafka: SecureKafka, folder: Path, local_stack: StackStatus, database_url: str, wait_until: Callable[..., None]
) -> None:
    """Who has the printed rights and file, and nothing else, is let in by `doctor`, and runs the job."""
    environment = os.environ | {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "FINGERPRINT_HOME": str(local_stack.home),
        "FINGERPRINT_ALLOW_ROOT": "1",
        "DATABASE_URL": database_url,
        "COLUMNS": "200",
    }

    def run(*lines: str) -> str:
        done = subprocess.run(
            [BASH, "-c", "\n".join(lines)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{lines}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    first, *_ = blocks_of("docs/kafka-security.md", ("sh",))
    documents = ("docs/kafka-security.md", "docs/security.md")
    lines = [line for name in documents for block in blocks_of(name, ("sh",)) for line in block.lines]
    for line in lines:
        if line.startswith("kafka-"):
            run(line.replace("HOST:PORT", kafka.inside))
    quotas = run(f"kafka-configs.sh --bootstrap-server {kafka.inside} --describe --entity-type users")
    assert "user-principal 'feed-1' are producer_byte_rate=200000" in quotas
    assert "the default user-principal are producer_byte_rate=200000" in quotas
    *login, doctor = (line.replace("kafka.example:9093", kafka.sasl) for line in first.lines)
    assert doctor == "./fingerprint doctor"
    assert f"or newer answers at {kafka.sasl}" in run(*login, doctor)
    run(*login, f"FINGERPRINT_KAFKA_PROPERTIES={kafka.properties('feed-1')} ./fingerprint replay examples/recordings")
    run(*login, "./fingerprint submit")
    try:
        wait_until(lambda: "kraken-2\t-\tcoinbase\tcertain" in run("./fingerprint watch --once"), what="a verdict")
    finally:
        if (job := find_running_job(local_stack.flink_url)) is not None:
            cancel_job(local_stack, job.job_id)
