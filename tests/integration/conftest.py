"""Helpers for tests on the whole path."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from jobs.offline import fingerprint_of
from model.artifact import DEFAULT_ARTIFACT, load_explainer, load_predictor
from stack.status import StackStatus
from udfs.rows import explanations, iso_timestamps
from udfs.schema import Session
from udfs.scoring import score_windows
from udfs.verdicts import evidence_millinats, running_decisions
from udfs.windows import session_windows, slide

CAPTURES = Path(os.environ.get("FINGERPRINT_CAPTURES", Path(__file__).parents[3] / "shared" / "captures"))


@pytest.fixture(scope="session")
def captures() -> Path:
    """Return the folder of real recordings; they are no part of the project."""
    if not CAPTURES.is_dir():
        pytest.skip(f"no recordings in {CAPTURES}; FINGERPRINT_CAPTURES names another folder")
    return CAPTURES


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    def wait(condition: Callable[[], bool], *, timeout_s: float = 180, what: str = "the condition") -> None:
        end_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end_s, f"{what} did not come about in {timeout_s} s"
            time.sleep(0.25)

    return wait


@pytest.fixture
def stack_environment(local_stack: StackStatus) -> dict[str, str]:
    """Return an environment in which the command line finds the shared stack."""
    named = ("FINGERPRINT_KAFKA", "FINGERPRINT_FLINK", "DATABASE_URL")
    inherited = {key: value for key, value in os.environ.items() if key not in named}
    return inherited | {"FINGERPRINT_HOME": str(local_stack.home), "COLUMNS": "200"}


Row = dict[str, object]


@pytest.fixture(scope="session")
def remembered() -> Callable[[Session, Sequence[str | None], Sequence[tuple[int, int]]], tuple[Row | None, list[Row]]]:
    """Return a function that walks over a connection's windows, with what stands in a variable.

    It takes the session, what each message declares, and each message's partition and offset, and returns the row of
    connection_verdicts that the job must leave, and those of connection_events.
    """
    predictor, explainer = load_predictor(DEFAULT_ARTIFACT), load_explainer(DEFAULT_ARTIFACT)

    def walk(
        session: Session, declared: Sequence[str | None], places: Sequence[tuple[int, int]]
    ) -> tuple[Row | None, list[Row]]:
        windows = session_windows(session)
        scores = score_windows(windows, predictor)
        decided = running_decisions(evidence_millinats(scores.probabilities), predictor.decision_rule)
        offsets = slide(np.array([offset for _, offset in places]))
        starts = [as_json(at) for at in iso_timestamps(windows.recv_ts_ns.min(axis=1))]
        ends = [as_json(at) for at in iso_timestamps(windows.recv_ts_ns.max(axis=1))]
        verdict, events = None, []
        stands: Row = {"verdict": None, "declared_exchange": None}
        previous, since, certain_after = None, 0, None
        for w in range(len(windows)):
            claim, began = declared[25 * w + 49], w + 1 - int(decided.suffix_windows[w])
            before, decisive = dict(stands), int(decided.decisive[w])
            now = {
                "strength_nats": int(decided.strength_millinats[w]) / 1000,
                "probability": float(decided.probability[w]),
            }
            if decisive >= 0:
                stands |= now | {"verdict": predictor.classes[decisive], "windows": int(decided.suffix_windows[w])}
                certain_after = certain_after or 50 + 25 * w
                if before["verdict"] != stands["verdict"]:
                    previous, since = before["verdict"], began
            stands["declared_exchange"] = claim
            shared = {
                "connection_id": session.connection_id,
                "kafka_partition": places[0][0],
                "last_offset": int(offsets[w, -1]),
                "declared_exchange": claim,
                "messages": 50 + 25 * w,
                "fingerprint": fingerprint_of(scores.features[: w + 1]),
                "model_version": predictor.model_version,
            }
            same = before["verdict"] == stands["verdict"]
            if stands["verdict"] is not None and not (same and before["declared_exchange"] == claim):
                start = w if same else began
                (reasons,) = explanations(scores.features[[w]], [str(stands["verdict"])], [claim], predictor, explainer)
                events.append(
                    shared
                    | stands
                    | {
                        "kind": kind(str(stands["verdict"]), claim),
                        "previous_verdict": before["verdict"],
                        "since_at": starts[start],
                        "since_offset": int(offsets[start, 0]),
                        "detected_at": ends[w],
                        "reasons": json.loads(reasons),
                    }
                )
            verdict = (
                shared
                | now
                | {
                    "certain_after_messages": certain_after,
                    "previous_verdict": previous,
                    "windows": w + 1,
                    "last_window_end_at": ends[w],
                }
            )
            if stands["verdict"] is not None:
                verdict |= {name: stands[name] for name in ("verdict", "strength_nats", "probability")}
                verdict |= {"certainty": "certain", "since_at": starts[since], "since_offset": int(offsets[since, 0])}
            elif decided.leaning[w] >= 0:
                verdict |= {"verdict": predictor.classes[decided.leaning[w]], "certainty": "likely"}
                verdict |= {"since_at": starts[began], "since_offset": int(offsets[began, 0])}
            else:
                verdict |= {"verdict": "unknown", "certainty": "undecided", "since_at": None, "since_offset": None}
        return verdict, events

    return walk


def kind(verdict: str, declared: str | None) -> str:
    if verdict == "unknown":
        return "stranger"
    return "named" if declared in (None, verdict) else "mismatch"


def as_json(timestamp: str) -> str:
    """Write a timestamp as PostgreSQL's to_jsonb does in UTC: without trailing zeros."""
    whole, _, micros = timestamp.removesuffix("Z").partition(".")
    fraction = micros.rstrip("0")
    return f"{whole}{'.' + fraction if fraction else ''}+00:00"
