"""Helpers for tests on the whole path."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from kafka import KafkaConsumer, TopicPartition
from numpy.typing import NDArray

from fingerprint_testing.paths import CAPTURES, EXAMPLES
from jobs.cluster.flink_client import list_jobs
from jobs.cluster.submission import Submission
from jobs.reference.scored_captures import signature_of
from jobs.trials.sandbox import addresses_of
from model.artifact.artifact_folder import explainer_of, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from stack.stack_status import StackStatus
from synthetic.anomalies import switch
from synthetic.open_world.unknown_venues import unknown_venue_sessions
from synthetic.sessions import synthetic_sessions
from udfs.explanations import Explainer
from udfs.rows import explanations, iso_timestamps
from udfs.schema import MISSING, SESSION_COLUMNS, MsgType, Session
from udfs.scoring import Predictor, score_windows
from udfs.verdicts import evidence_millinats, running_decisions
from udfs.windows import segments, session_windows, slide

START_NS = 1_790_000_000_000_000_000
COUNTERS = re.compile(r"_scored$|_decided$|_explained$|\.dead_letters$")


@pytest.fixture(scope="session")
def captures() -> Path:
    """Return the folder of real recordings; they are no part of the project."""
    if not CAPTURES.is_dir():
        pytest.skip(f"no recordings in {CAPTURES}; FINGERPRINT_CAPTURES names another folder")
    return CAPTURES


@pytest.fixture(scope="session")
def recordings() -> list[Path]:
    """List the examples of this checkout, and the real recordings where there are any."""
    return sorted(path for folder in (EXAMPLES, CAPTURES) for path in folder.rglob("*.jsonl.gz"))


@pytest.fixture(scope="session")
def kraken_recordings(recordings: list[Path]) -> list[Path]:
    """List those that are called kraken, one of which lies and one of which switches."""
    # One of other people, `kraken_...`, has a clock that began with its machine: none of its frames is a message.
    return [path for path in recordings if path.name.startswith(("KRAKEN", "kraken-"))]


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    def wait(
        condition: Callable[[], bool],
        *,
        timeout_s: float = 180,
        what: str = "the condition",
        found: Callable[[], object] | None = None,
    ) -> None:
        end_s = time.monotonic() + timeout_s
        while not condition():
            late = f"{what} did not come about in {timeout_s} s"
            assert time.monotonic() < end_s, late if found is None else f"{late}, found {found()}"
            time.sleep(0.25)

    return wait


@pytest.fixture(scope="session")
def run_to_the_end(local_stack: StackStatus, wait_until: Callable[..., None]) -> Callable[[str, str], None]:
    """Return a function that lets the job read a topic from its beginning to its end, into a database."""
    stack = local_stack

    def run(topic: str, database_url: str) -> None:
        addresses = addresses_of(stack, database_url)
        job_id = Submission(addresses=addresses, topic=topic, job_options=("--stop-at-end",)).run(lambda _: None)

        def state() -> str:
            return next(job.state for job in list_jobs(stack.flink_url) if job.job_id == job_id)

        wait_until(lambda: state() in ("FINISHED", "FAILED"), what="the end of the job")
        assert state() == "FINISHED"

    return run


@pytest.fixture
def stack_environment(local_stack: StackStatus) -> dict[str, str]:
    """Return an environment in which the command line finds the shared stack."""
    named = ("FINGERPRINT_KAFKA", "FINGERPRINT_FLINK", "DATABASE_URL")
    inherited = {key: value for key, value in os.environ.items() if key not in named}
    return inherited | {"FINGERPRINT_HOME": str(local_stack.home), "COLUMNS": "200"}


@pytest.fixture(scope="session")
def drawn_sessions() -> list[Session]:
    """Draw honest sessions, some that claim what they are not, some that switch in mid-life, and unknown venues.

    Some are honest and short: they end before they are certain, or just after, at a window that does not uphold it.
    """
    drawn = synthetic_sessions(per_exchange=4, seed=5, start_ns=START_NS, n_messages=633)
    honest, others = [s.session for s in drawn[:6]], drawn[6:]
    lies = [
        replace(s.session, declared_exchange="kraken" if s.exchange == "binance" else "binance") for s in others[:3]
    ]
    switched = [
        switch(one.session, other.session, at=433, exchange=other.exchange).sessions[0]
        for one, other in zip(others[3:], others[4:] + others[3:4], strict=True)
    ]
    unknown_venues = [s.session for s in unknown_venue_sessions(n=4, seed=5, start_ns=START_NS, n_messages=633)]
    short = [_first(one.session, n) for one, n in zip(drawn, cycle((60, 135, 160)))]
    return [*honest, *lies, *switched, *unknown_venues, *short]


def _first(session: Session, n: int) -> Session:
    columns = {name: getattr(session, name)[:n] for name in SESSION_COLUMNS}
    return replace(session, connection_id=f"{session.connection_id}-short", **columns)


@pytest.fixture(scope="session")
def sick_sessions() -> list[Session]:
    """Draw sessions that stop, stall, skip, repeat and go back, in numbers of three sorts, and one of another rate."""
    return [*(_sick_session(number) for number in range(12)), _restless_session()]


def _sick_session(number: int, n: int = 3000) -> Session:
    rng = np.random.default_rng(number)
    data_s = np.cumsum(rng.exponential(0.05, n))
    heartbeats_s = np.arange(1.0, data_s[-1])
    for first_s in rng.uniform(25, data_s[-1], 2):
        data_s = data_s[(data_s < first_s) | (data_s > first_s + 15)]
    for first_s in rng.uniform(25, data_s[-1], 2):
        heartbeats_s = heartbeats_s[(heartbeats_s < first_s) | (heartbeats_s > first_s + 15)]
    times_s = np.concatenate([data_s, heartbeats_s])
    order = np.argsort(times_s)
    pauses_s = np.diff(times_s[order], prepend=0)
    pauses_s[rng.integers(100, len(order), 4)] += rng.choice([2, 6, 30, 3601], 4)
    none = np.full(len(order), MISSING)
    seq = _sick_numbers(rng, len(order), most=(1, 3, 1)[number % 3])
    if number % 3 == 2:
        seq[::7] += 1_000_000
    seq[rng.random(len(order)) < 0.01] = MISSING
    return Session(
        connection_id=f"sick-{number}",
        declared_exchange="kraken",
        recv_ts_ns=START_NS + np.round(np.cumsum(pauses_s) * 1e9).astype(np.int64),
        exchange_ts_ns=none,
        msg_type=np.where(order < len(data_s), MsgType.NEW, MsgType.HEARTBEAT).astype(np.int64),
        seq=seq,
        request_id=none,
        payload_bytes=np.ones(len(order), dtype=np.int64),
    )


def _restless_session(n: int = 13_000) -> Session:
    """Draw one whose rate trebles after 5,000 messages and falls back 5,000 later; 4,850 are what it is learnt from."""
    mean_s = np.where((np.arange(n) < 5000) | (np.arange(n) >= 10_000), 0.05, 0.05 / 3)
    none = np.full(n, MISSING)
    return Session(
        connection_id="restless",
        declared_exchange="kraken",
        recv_ts_ns=START_NS + np.round(np.cumsum(np.random.default_rng(1).exponential(mean_s)) * 1e9).astype(np.int64),
        exchange_ts_ns=none,
        msg_type=np.full(n, MsgType.NEW, dtype=np.int64),
        seq=np.arange(n),
        request_id=none,
        payload_bytes=np.ones(n, dtype=np.int64),
    )


def _sick_numbers(rng: np.random.Generator, n: int, *, most: int) -> NDArray[np.int64]:
    """Number messages by steps of 1 to `most`, with a few faults, of which the first comes late."""
    steps = rng.integers(1, most + 1, n)
    steps[rng.integers(n * 3 // 4 if most > 1 else 150, n, 6)] = rng.choice([0, -1, -700, -5000, 2, 100], 6)
    return 1_000 + np.cumsum(steps)


@pytest.fixture(scope="session")
def read_records(local_stack: StackStatus) -> Callable[[str], Iterator[Any]]:
    """Return a function that reads a topic as it is now."""

    def records(topic: str) -> Iterator[Any]:
        with KafkaConsumer(bootstrap_servers=local_stack.kafka) as consumer:
            partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)]
            left = sum(consumer.end_offsets(partitions).values())
            consumer.assign(partitions)
            consumer.seek_to_beginning()
            while left > 0:
                for found in consumer.poll(timeout_ms=1000, max_records=20_000).values():
                    left -= len(found)
                    yield from found

    return records


@pytest.fixture(scope="session")
def flink_job(local_stack: StackStatus) -> Callable[[str], tuple[list[str], dict[str, float]]]:
    """Return a function that reads the operators' names and our counters of a job, as the web UI does."""

    def read(job_id: str) -> tuple[list[str], dict[str, float]]:
        job = f"{local_stack.flink_url}/jobs/{job_id}"
        vertices, counters = requests.get(job, timeout=60).json()["vertices"], {}
        for path in (f"{job}/vertices/{vertex['id']}/metrics" for vertex in vertices):
            names = [m["id"] for m in requests.get(path, timeout=60).json() if COUNTERS.search(m["id"])]
            if names:
                values = requests.get(path, params={"get": ",".join(names)}, timeout=60).json()
                # Subtask, operator, and the metric with the groups that it is in.
                counters |= {metric["id"].split(".", 2)[2]: float(metric["value"]) for metric in values}
        return [vertex["name"] for vertex in vertices], counters

    return read


Row = dict[str, Any]
Walked = tuple[Row | None, list[Row]]


@dataclass
class Walk:
    """A walk over one connection's windows, with what stands in variables: what the job must have written of it."""

    predictor: Predictor
    explainer: Explainer
    session: Session
    declared: Sequence[str | None]
    places: Sequence[tuple[int, int]]

    def __post_init__(self) -> None:
        windows = session_windows(self.session)
        self.scores = score_windows(windows, self.predictor)
        self.decided = running_decisions(evidence_millinats(self.scores.probabilities), self.predictor.decision_rule)
        self.offsets = slide(np.array([offset for _, offset in self.places]))
        self.starts = [as_json(at) for at in iso_timestamps(windows.recv_ts_ns.min(axis=1))]
        self.ends = [as_json(at) for at in iso_timestamps(windows.recv_ts_ns.max(axis=1))]
        self.stands: Row = {"verdict": None, "declared_exchange": None}
        self.since: Row = {}
        self.previous: str | None = None
        self.certain_after: int | None = None

    def run(self) -> Walked:
        """Return the row of connection_verdicts, and those of connection_events."""
        verdict, events = None, []
        for w in range(len(self.starts)):
            before = dict(self.stands)
            self._take_in(w)
            both = ("verdict", "declared_exchange")
            if self.stands["verdict"] is not None and any(self.stands[name] != before[name] for name in both):
                events.append(self._event(w, before))
            verdict = self._verdict(w)
        return verdict, events

    def _take_in(self, w: int) -> None:
        self.stands["declared_exchange"] = self.declared[25 * w + 49]
        makes_a_verdict = self.stands["verdict"] is None and self.decided.decisive[w] >= 0
        if not makes_a_verdict and not self.decided.overturns[w]:
            return
        verdict = self.predictor.classes[self.decided.decisive[w]]
        if verdict != self.stands["verdict"]:
            self.previous, self.since = self.stands["verdict"], self._start(self._began(w))
        self.stands |= self._measures(w) | {"verdict": verdict, "windows": int(self.decided.suffix_windows[w])}
        self.certain_after = self.certain_after or 50 + 25 * w

    def _event(self, w: int, before: Row) -> Row:
        verdict, declared = self.stands["verdict"], self.stands["declared_exchange"]
        features = self.scores.features[[w]]
        (reasons,) = explanations(features, [verdict], [declared], self.predictor, self.explainer)
        kind = "unknown_venue" if verdict == "unknown" else "named" if declared in (None, verdict) else "mismatch"
        return (
            self._shared(w)
            | self.stands
            | self._start(w if verdict == before["verdict"] else self._began(w))
            | {"kind": kind, "previous_verdict": before["verdict"], "detected_at": self.ends[w]}
            | {"reasons": reasons and json.loads(reasons)}
        )

    def _verdict(self, w: int) -> Row:
        leaning = int(self.decided.leaning[w])
        if self.stands["verdict"] is not None:
            judged = self.stands | self.since | {"certainty": "certain"}
        elif leaning >= 0:
            judged = self._measures(w) | self._start(self._began(w))
            judged |= {"verdict": self.predictor.classes[leaning], "certainty": "likely"}
        else:
            judged = self._measures(w) | {"since_at": None, "since_offset": None}
            judged |= {"verdict": "unknown", "certainty": "undecided"}
        counted = {"windows": w + 1, "last_window_end_at": self.ends[w], "certain_after_messages": self.certain_after}
        return self._shared(w) | judged | counted | {"previous_verdict": self.previous}

    def _shared(self, w: int) -> Row:
        return {
            "connection_id": self.session.connection_id,
            "kafka_partition": self.places[0][0],
            "last_offset": int(self.offsets[w, -1]),
            "declared_exchange": self.declared[25 * w + 49],
            "messages": 50 + 25 * w,
            "signature": signature_of(self.scores.features[: w + 1]),
            "model_version": self.predictor.model_version,
        }

    def _measures(self, w: int) -> Row:
        strength, probability = int(self.decided.strength_millinats[w]), float(self.decided.probability[w])
        return {"strength_nats": strength / 1000, "probability": probability}

    def _began(self, w: int) -> int:
        return w + 1 - int(self.decided.suffix_windows[w])

    def _start(self, w: int) -> Row:
        return {"since_at": self.starts[w], "since_offset": int(self.offsets[w, 0])}


@pytest.fixture(scope="session")
def remembered() -> Callable[[Session, Sequence[str | None], Sequence[tuple[int, int]]], Walked]:
    """Return a function of a session, what each message declares, and each message's partition and offset."""
    predictor, explainer = load_predictor(DEFAULT_ARTIFACT), explainer_of(load_predictor(DEFAULT_ARTIFACT))

    def walk(session: Session, declared: Sequence[str | None], places: Sequence[tuple[int, int]]) -> Walked:
        verdict, events = None, []
        for part in segments(session.recv_ts_ns):
            alone = replace(session, **{name: getattr(session, name)[part] for name in SESSION_COLUMNS})
            found, more = Walk(predictor, explainer, alone, declared[part], places[part]).run()
            verdict, events = found or verdict, events + more
        return verdict, events

    return walk


def as_json(timestamp: str) -> str:
    """Write a timestamp as PostgreSQL's to_jsonb does in UTC: without trailing zeros."""
    whole, _, micros = timestamp.removesuffix("Z").partition(".")
    fraction = micros.rstrip("0")
    return f"{whole}{'.' + fraction if fraction else ''}+00:00"
