"""Which of what ended jobs have left on a cluster a job may go on with; answers are laid out as Flink 2.3 lays them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fingerprint_testing.http_answers import answering
from jobs.cluster.cluster_savepoints import last_on_cluster, naming_options
from jobs.cluster.savepoints import Savepoints
from jobs.cluster.service_addresses import Addresses
from jobs.config import JOB_NAME
from udfs.errors import ConfigError
from udfs.schema import STATE_LAYOUT

DATABASE = "postgresql://u:p@h:5432/d"


def savepoints(home: Path, topic: str = "t") -> Savepoints:
    addresses = Addresses(home=home, kafka="k:9092", flink="http://h:1", database_url=DATABASE)
    return Savepoints(addresses=addresses, topic=topic)


def saved(place: str, at_s: float, *, discarded: bool = False) -> dict[str, Any]:
    return {"external_path": place, "latest_ack_timestamp": at_s * 1000, "discarded": discarded}


@contextmanager
def cluster(*jobs: tuple[str, str, dict[str, Any]]) -> Iterator[str]:
    """Serve jobs, each with its state, the name of what it keeps, and its latest checkpoints."""
    ids = [f"{number:032x}" for number in range(len(jobs))]
    times = {"start-time": 0, "duration": 0, "last-modification": 0, "tasks": {"total": 1, "running": 0}}
    listed = [
        {"jid": job_id, "name": JOB_NAME, "state": state} | times
        for job_id, (state, _, _) in zip(ids, jobs, strict=True)
    ]
    answers: dict[str, Any] = {"/jobs/overview": {"jobs": listed}}
    for job_id, (_, name, latest) in zip(ids, jobs, strict=True):
        user_config = {"fingerprint.state": name} if name else {}
        answers[f"/jobs/{job_id}/config"] = {"execution-config": {"user-config": user_config}}
        answers[f"/jobs/{job_id}/checkpoints"] = {"latest": {"savepoint": None, "completed": None} | latest}
    with answering(lambda path: (200, json.dumps(answers[path]).encode())) as url:
        yield url


def test_the_newest_that_is_kept_of_the_same_topic_and_database_is_found(tmp_path: Path) -> None:
    own, other = savepoints(tmp_path).name, savepoints(tmp_path, "other").name
    checkpoint, gone = saved("file:/b/chk-9", 50), saved("s3://b/chk-8", 60, discarded=True)
    with cluster(
        ("FINISHED", own, {"savepoint": saved("s3://b/sp-1", 10), "completed": saved("s3://b/chk-7", 99)}),
        ("FINISHED", own, {"savepoint": saved("s3://b/sp-2", 30)}),
        ("FINISHED", other, {"savepoint": saved("s3://b/sp-3", 98)}),
        ("FINISHED", "", {"savepoint": saved("s3://b/sp-4", 97)}),
        ("RUNNING", own, {"savepoint": saved("s3://b/sp-5", 96)}),
        ("FAILED", own, {"completed": gone}),
        ("FAILED", own, {"completed": saved("<checkpoint-not-externally-addressable>", 95)}),
    ) as url:
        found = last_on_cluster(url, savepoints(tmp_path))
    assert (found.place, found.at_s) == ("s3://b/sp-2", 30)
    with cluster(("CANCELED", own, {"completed": checkpoint, "savepoint": saved("s3://b/sp-1", 40)})) as url:
        assert last_on_cluster(url, savepoints(tmp_path)).place == "file:/b/chk-9"


def test_none_is_one_sentence_and_so_is_another_layout(tmp_path: Path) -> None:
    with (
        cluster(("FINISHED", "", {})) as url,
        pytest.raises(ConfigError, match="read the topic t into this database and ended, found none, .*: name the"),
    ):
        last_on_cluster(url, savepoints(tmp_path))
    next_layout = savepoints(tmp_path).name.replace(f"layout{STATE_LAYOUT}", f"layout{STATE_LAYOUT + 1}")
    with (
        cluster(("FINISHED", next_layout, {"savepoint": saved("s3://b/sp-1", 10)})) as url,
        pytest.raises(ConfigError, match=f"found s3://b/sp-1 with layout {STATE_LAYOUT + 1}, of another version"),
    ):
        last_on_cluster(url, savepoints(tmp_path))


def test_a_job_says_whose_state_it_has_in_characters_that_flink_does_not_part_at(tmp_path: Path) -> None:
    (option,) = naming_options(savepoints(tmp_path, "a topic, of: mine")).values()
    name, _, value = option.partition(":")
    assert name == "fingerprint.state"
    assert not set(":,'\" ") & set(value)
