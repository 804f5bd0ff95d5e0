"""The model is changed while messages come and the job runs, and the results stay a function of the topic."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ingest.kafka.broker import ensure_topics
from ingest.kafka.session_publisher import publish
from ingest.kafka.topic_reader import TopicReader
from jobs.cli.main import build_app
from jobs.cluster.flink_client import find_running_job, stop_with_savepoint
from jobs.cluster.service_addresses import Addresses
from jobs.cluster.submission import Submission
from jobs.config import DEAD_LETTER_TOPIC
from jobs.reference.result_rows import differences, hash_results
from jobs.reference.topic_results import TopicResults
from jobs.results.migrations import migrate
from jobs.results.stored_results import read_results, versions_of
from model.artifact.artifact_folder import load_manifest
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.registry.database import connect
from model.registry.topic_models import RegistryModels
from stack.stack_status import StackStatus
from synthetic.sessions import synthetic_sessions
from udfs.errors import ArtifactError, ConfigError
from udfs.schema import SESSION_COLUMNS

TOPIC = "swap_messages"
PARTS = 3
MESSAGES = 900


@pytest.fixture(scope="module")
def command(local_stack: StackStatus, database_url: str) -> Callable[..., Result]:
    """Return a function that runs `fingerprint` on the stack."""
    services = {"FINGERPRINT_KAFKA": local_stack.kafka, "FINGERPRINT_FLINK": local_stack.flink_url or ""}
    environment = {
        **services,
        "DATABASE_URL": database_url,
        "FINGERPRINT_HOME": str(local_stack.home),
        "COLUMNS": "200",
    }
    return lambda *arguments: CliRunner().invoke(build_app(), list(arguments), env=environment, catch_exceptions=False)


@pytest.fixture(scope="module")
def addresses(local_stack: StackStatus, database_url: str) -> Addresses:
    stack = local_stack
    return Addresses(home=stack.home, kafka=stack.kafka, flink=stack.flink_url, database_url=database_url)


@pytest.fixture(scope="module")
def publish_part(local_stack: StackStatus) -> Callable[..., None]:
    """Return a function that publishes a third of each connection's messages."""
    drawn = [s.session for s in synthetic_sessions(per_exchange=3, seed=4, start_ns=10**18, n_messages=MESSAGES)]
    ensure_topics(local_stack.kafka, [TOPIC, DEAD_LETTER_TOPIC], 4)

    def part(number: int, *, within_s: float | None = None) -> None:
        own = slice(number * MESSAGES // PARTS, (number + 1) * MESSAGES // PARTS)
        cut = [replace(s, **{name: getattr(s, name)[own] for name in SESSION_COLUMNS}) for s in drawn]
        span_s = (max(s.recv_ts_ns[-1] for s in cut) - min(s.recv_ts_ns[0] for s in cut)) / 1e9
        speed = None if within_s is None else span_s / within_s
        publish(cut, bootstrap_servers=local_stack.kafka, topic=TOPIC, speed=speed)

    return part


def count_windows(database_url: str) -> dict[str, int]:
    with connect(database_url) as database, database.cursor() as cursor:
        cursor.execute("SELECT model_version, count(*) FROM window_scores GROUP BY model_version")
        return dict(cursor.fetchall())


@pytest.fixture(scope="module")
def swapped(
    addresses: Addresses,
    publish_part: Callable[..., None],
    command: Callable[..., Result],
    toy_model: Path,
    database_url: str,
    wait_until: Callable[..., None],
) -> dict[str, int]:
    """Activate another model and go back again, both while messages come; return the windows of each."""
    migrate(database_url)
    publish_part(0)
    Submission(addresses=addresses, topic=TOPIC).run(lambda _: None)
    wait_until(lambda: sum(count_windows(database_url).values()) == 9 * 11, what="the windows of the first third")
    for number, change in ((1, ("activate", str(toy_model))), (2, ("rollback",))):
        publishing = threading.Thread(target=publish_part, args=(number,), kwargs={"within_s": 15.0})
        publishing.start()
        time.sleep(4)  # some messages of this third are of the old model
        done = command("model", *change, "--topic", TOPIC)
        assert done.exit_code == 0, done.output
        publishing.join()
    wait_until(lambda: sum(count_windows(database_url).values()) == 9 * 35, what="the windows of all messages")
    stop_with_savepoint(addresses.require_flink(), find_running_job(addresses.require_flink()).job_id, None)
    return count_windows(database_url)


def test_each_model_scores_its_part_and_no_window_is_lost(swapped: dict[str, int], toy_model: Path) -> None:
    toy, shipped = (load_manifest(folder).model_version for folder in (toy_model, DEFAULT_ARTIFACT))
    assert swapped.keys() == {toy, shipped}
    assert 9 * 3 < swapped[toy] < 9 * 24


@pytest.mark.slow
def test_the_topic_gives_the_same_and_so_does_reading_it_again(
    swapped: dict[str, int],
    addresses: Addresses,
    command: Callable[..., Result],
    database_url: str,
    run_to_the_end: Callable[[str, str], None],
) -> None:
    written = hash_results(read_results(database_url, *versions_of(database_url, TOPIC)))
    with TopicReader(addresses.require_kafka(), TOPIC) as reader:
        computed = TopicResults(reader, RegistryModels(database_url, TOPIC))
        assert differences(read_results(database_url, *swapped), computed.chunks(), most=3) == ([], {})
    with connect(database_url) as database, database.cursor() as cursor:
        cursor.execute("TRUNCATE window_scores, connection_verdicts, connection_events")
    run_to_the_end(TOPIC, database_url)
    assert hash_results(read_results(database_url, *swapped)) == written
    done = command("results", "diff", "--topic", TOPIC)
    assert done.stdout.startswith("The tables hold what the topic says")


def test_the_list_shows_what_each_model_scores(
    swapped: dict[str, int], command: Callable[..., Result], toy_model: Path
) -> None:
    toy, shipped = (load_manifest(folder).model_version for folder in (toy_model, DEFAULT_ARTIFACT))
    rows = json.loads(command("model", "list", "--topic", TOPIC, "--format", "json").stdout)
    begins = [(row["model_version"], row["kafka_partition"]) for row in rows]
    assert begins == [(shipped, None), *((toy, p) for p in range(4)), *((shipped, p) for p in range(4))]
    offsets = [row["from_offset"] for row in rows]
    assert offsets[0] == 0
    assert all(first <= second for first, second in zip(offsets[1:5], offsets[5:], strict=True))
    shown = command("model", "list", "--topic", TOPIC)
    assert toy in shown.stdout


def test_a_bad_artifact_is_refused_and_the_old_one_goes_on(
    swapped: dict[str, int], command: Callable[..., Result], toy_model: Path, database_url: str, tmp_path: Path
) -> None:
    broken = shutil.copytree(toy_model, tmp_path / "broken")
    (broken / "booster.ubj").write_bytes(b"no model")
    before = versions_of(database_url, TOPIC), command("model", "list", "--topic", TOPIC, "--format", "json").stdout
    with pytest.raises(ArtifactError, match="the file was changed or cut off"):
        command("model", "activate", str(broken), "--topic", TOPIC)
    with pytest.raises(ConfigError, match="found none such"):
        command("model", "activate", "0.0-nowhere", "--topic", TOPIC)
    with pytest.raises(ConfigError, match="Expected another model than the active one"):
        command("model", "activate", str(DEFAULT_ARTIFACT), "--topic", TOPIC)
    after = versions_of(database_url, TOPIC), command("model", "list", "--topic", TOPIC, "--format", "json").stdout
    assert after == before


def test_the_job_is_not_submitted_with_another_model_than_the_active_one(
    swapped: dict[str, int], addresses: Addresses, command: Callable[..., Result], toy_model: Path
) -> None:
    submission = Submission(addresses=addresses, topic=TOPIC, model=toy_model)
    with pytest.raises(ConfigError, match=f"Expected the model that is active for the topic {TOPIC}"):
        submission.run(lambda _: None)
    done = command("model", "activate", str(toy_model), "--topic", TOPIC, "--from-start")
    assert "scores all of swap_messages when the job is submitted next" in done.stdout
