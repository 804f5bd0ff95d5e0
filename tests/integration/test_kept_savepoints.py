"""Savepoints of released versions are restored, or refused in one sentence, and never misread."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from fingerprint_testing.kept_savepoint import KEPT, TOPIC, name_topic, read_origin, read_records, send
from ingest.kafka.broker import delete_topics, ensure_topics
from ingest.kafka.topic_identity import read_topic_identity
from ingest.kafka.topic_reader import TopicReader
from jobs.cluster.flink_client import ask
from jobs.cluster.savepoints import Savepoints
from jobs.cluster.submission import Submission
from jobs.config import DEAD_LETTER_TOPIC, TOPIC_PARTITIONS
from jobs.reference.result_rows import Difference, differences
from jobs.reference.topic_results import TopicResults
from jobs.results.migrations import migrate
from jobs.results.stored_results import read_results
from jobs.trials.sandbox import addresses_of, end_job
from model.artifact.artifact_folder import explainer_of, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.registry.topic_models import OneModel
from stack.stack_status import StackStatus
from udfs.errors import ConfigError
from udfs.schema import STATE_LAYOUT

MOST_BYTES = 300_000
LONG_HOURS = 24 * 365 * 100

BY_MESSAGES = {"window_scores": "last_offset", "health_events": "kafka_offset"}
"""Tables whose rows are made of messages alone, whatever model scores them, and where in the topic each row ends."""


def rows_behind(chunks: Any, begins: dict[int, int], table: str) -> set[tuple[Any, ...]]:
    """Return which rows of a table end behind an offset of their partition."""
    offset = BY_MESSAGES[table]
    return {
        (columns["connection_id"][i], columns["kafka_partition"][i], columns[offset][i])
        for name, columns in chunks
        if name == table
        for i in range(len(columns[offset]))
        if columns[offset][i] >= begins.get(columns["kafka_partition"][i], 0)
    }


def differing_rows(
    database_url: str, model_version: str, begins: dict[int, int], table: str, wanted: set[tuple[Any, ...]]
) -> set[tuple[Any, ...]]:
    return rows_behind(read_results(database_url, model_version), begins, table) ^ wanted


def last_failure(flink_url: str, job_id: str) -> str:
    return json.dumps(ask(flink_url, f"/jobs/{job_id}/exceptions"))[:5000]


def test_that_of_this_release_has_the_state_of_now() -> None:
    """Until the release is out: run `keep_savepoint.py` again where this fails."""
    assert read_origin(KEPT / version("exchange-fingerprint")).state_layout == STATE_LAYOUT


def test_what_is_kept_is_small() -> None:
    for folder in KEPT.iterdir():
        assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < MOST_BYTES, folder


@pytest.mark.parametrize("folder", sorted(KEPT.iterdir()), ids=lambda folder: folder.name)
def test_the_savepoint_of_a_release_is_restored_or_refused(
    folder: Path, local_stack: StackStatus, database_url: str, wait_until: Callable[..., None]
) -> None:
    stack, origin, records = local_stack, read_origin(folder), read_records(folder)
    migrate(database_url)
    savepoints = Savepoints(addresses=addresses_of(stack, database_url), topic=TOPIC)
    place = savepoints.folder.with_name(
        savepoints.folder.name.replace(f"layout{STATE_LAYOUT}", f"layout{origin.state_layout}")
    )
    shutil.copytree(folder / "savepoint", place / "savepoint-000000-000000000000")
    if origin.state_layout != STATE_LAYOUT:
        with pytest.raises(
            ConfigError, match=f"with layout {origin.state_layout}, of another version .* submit without it"
        ):
            savepoints.last()
        return
    ensure_topics(stack.kafka, [TOPIC, DEAD_LETTER_TOPIC], TOPIC_PARTITIONS)
    name_topic(savepoints.last(), origin.topic_id, read_topic_identity(stack.kafka, TOPIC).topic_id)
    send(stack.kafka, records[: origin.records_before])
    with TopicReader(stack.kafka, TOPIC) as reader:
        begins = {span.partition: span.end for span in reader.spans}
    predictor = load_predictor(DEFAULT_ARTIFACT)
    submission = Submission(
        addresses=addresses_of(stack, database_url),
        topic=TOPIC,
        # However long ago the savepoint was taken, what it holds of connections is to be there still.
        job_options=("--downtime-hours", str(LONG_HOURS)),
        savepoint=savepoints.last().as_uri(),
    )
    job_id = submission.run(lambda _: None)
    try:
        send(stack.kafka, records[origin.records_before :])
        with TopicReader(stack.kafka, TOPIC) as reader:
            models = OneModel(predictor, explainer_of(predictor))
            expected = [(name, dict(columns)) for name, columns in TopicResults(reader, models).chunks()]
        model_version = predictor.model_version
        for table in BY_MESSAGES:
            wanted = rows_behind(expected, begins, table)
            assert wanted, table
            differing = partial(differing_rows, database_url, model_version, begins, table, wanted)
            wait_until(
                lambda differing=differing: not differing(),
                what=f"the rows of {table} behind the savepoint",
                found=lambda differing=differing: (differing(), last_failure(stack.flink_url, job_id)),
            )
        # Each row, of windows that had begun before the savepoint too, is as if nothing had happened; so are verdicts,
        # unless another model has taken over since.
        compared = [*BY_MESSAGES, "connection_verdicts"] if model_version == origin.model_version else [*BY_MESSAGES]

        def others() -> list[Difference]:
            found = differences(read_results(database_url, model_version), expected, most=1000)[0]
            return [one for one in found if one.table in compared and one.only_in != 1]

        # A verdict is written half a second later than its window.
        wait_until(lambda: not others(), what="the rows as they are expected", found=others)
    finally:
        end_job(stack, database_url, TOPIC, job_id)
        delete_topics(stack.kafka, [TOPIC])
