"""Take a savepoint of the job as it is now, and keep it for the tests: `python tests/integration/keep_savepoint.py`.

Run it by hand when a release is made. It starts a stack of its own, and writes the folder of the installed version.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from fingerprint_testing.kept_savepoint import (  # noqa: E402  # the path comes first
    KEPT,
    TOPIC,
    Origin,
    send,
    write_origin,
    write_records,
)
from ingest.kafka.broker import ensure_topics  # noqa: E402
from ingest.kafka.message_json import encode  # noqa: E402
from ingest.kafka.topic_identity import read_topic_identity  # noqa: E402
from ingest.kafka.topic_reader import TopicReader  # noqa: E402
from jobs.cluster.flink_client import stop_with_savepoint  # noqa: E402
from jobs.cluster.submission import Submission  # noqa: E402
from jobs.config import DEAD_LETTER_TOPIC, TOPIC_PARTITIONS  # noqa: E402
from jobs.reference.result_rows import hash_results  # noqa: E402
from jobs.reference.topic_results import TopicResults  # noqa: E402
from jobs.results.stored_results import read_results  # noqa: E402
from jobs.trials.sandbox import addresses_of, fresh_database, idle_stack  # noqa: E402
from model.artifact.artifact_folder import explainer_of, load_predictor  # noqa: E402
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT  # noqa: E402
from model.registry.topic_models import OneModel  # noqa: E402
from stack.stack_status import StackStatus  # noqa: E402
from synthetic.anomalies import drop  # noqa: E402
from synthetic.sessions import synthetic_sessions  # noqa: E402
from udfs.schema import MISSING, STATE_LAYOUT, Session  # noqa: E402

N_MESSAGES, BEFORE_SHARE = 640, 0.6
SEED = 50
START_NS = 1_790_000_000 * 10**9
WITHIN_S = 120.0


def draw_records() -> tuple[list[tuple[bytes, bytes]], int]:
    """Draw sessions of each exchange, one of which loses messages; say how many of all belong to their first parts.

    The first parts come first; within each half, records are in the order of their receive times.
    """
    sessions = [
        one.session for one in synthetic_sessions(per_exchange=3, seed=SEED, start_ns=START_NS, n_messages=N_MESSAGES)
    ]
    first = round(BEFORE_SHARE * N_MESSAGES)
    numbered = max(range(len(sessions)), key=lambda i: _steps_of_one(sessions[i]))
    faulty = drop(sessions[numbered], first=first, last=N_MESSAGES - 2, share=0.05, rng=np.random.default_rng(SEED))
    sessions[numbered] = faulty.sessions[0]
    records = sorted(
        (place >= first, int(at_ns), session.connection_id.encode(), value)
        for session in sessions
        for place, (at_ns, value) in enumerate(zip(session.recv_ts_ns, encode(session), strict=True))
    )
    return [(key, value) for _, _, key, value in records], sum(not is_later for is_later, *_ in records)


def _steps_of_one(session: Session) -> int:
    return int(np.count_nonzero(np.diff(session.seq[session.seq != MISSING]) == 1))


def keep(stack: StackStatus, folder: Path) -> None:
    """Let the job read the first part of the records, and write its savepoint and what belongs to it."""
    records, n_before = draw_records()
    before = records[:n_before]
    predictor = load_predictor(DEFAULT_ARTIFACT)
    ensure_topics(stack.kafka, [TOPIC, DEAD_LETTER_TOPIC], TOPIC_PARTITIONS)
    topic_id = read_topic_identity(stack.kafka, TOPIC).topic_id
    with fresh_database(stack, TOPIC) as url:
        job_id = Submission(addresses=addresses_of(stack, url), topic=TOPIC).run(print)
        send(stack.kafka, before)
        with TopicReader(stack.kafka, TOPIC) as reader:
            expected = hash_results(TopicResults(reader, OneModel(predictor, explainer_of(predictor))).chunks())
        end_s = time.monotonic() + WITHIN_S
        while hash_results(read_results(url, predictor.model_version)) != expected:
            if time.monotonic() > end_s:
                sys.exit(
                    f"Expected the results of {len(before)} records within {WITHIN_S:.0f} s, found others: try again"
                )
            time.sleep(0.5)
        with tempfile.TemporaryDirectory() as own:
            taken = Path(stop_with_savepoint(stack.flink_url, job_id, Path(own).as_uri()).removeprefix("file:"))
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            shutil.copytree(taken, folder / "savepoint")
    write_records(folder, records)
    origin = Origin(
        release=version("exchange-fingerprint"),
        flink=version("apache-flink"),
        model_version=predictor.model_version,
        state_layout=STATE_LAYOUT,
        topic_id=topic_id,
        records_before=len(before),
        made_on=datetime.now(UTC).date().isoformat(),
    )
    write_origin(folder, origin)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="fingerprint-") as home, idle_stack(Path(home), print) as found:
        keep(found, KEPT / version("exchange-fingerprint"))
