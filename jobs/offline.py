"""Scores a recording without Flink, by the same functions: what the job would write of it, window by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd

from ingest.capture import read_capture
from udfs.fingerprints import fingerprints, pool, traits
from udfs.rows import SCORE_COLUMNS, score_rows
from udfs.schema import WINDOW_SLIDE, Float64Array
from udfs.scoring import Predictor, Scores, score_windows
from udfs.standing import ConnectionVerdict, VerdictChange, connection_verdict, messages_at
from udfs.verdicts import HISTORY, evidence_millinats
from udfs.windows import session_windows, slide


@dataclass(frozen=True, kw_only=True)
class ScoredCapture:
    """A recording's connection, and its windows as rows of `window_scores`.

    The rows' `first_offset` and `last_offset` count the recording's messages from 0.
    """

    file: str
    connection_id: str
    messages: int
    verdict: ConnectionVerdict
    fingerprint: str | None
    windows_by_class: dict[str, int]
    rows: pd.DataFrame

    def summary(self) -> dict[str, Any]:
        """Lay out the connection as one JSON object; a connection without a complete window is `unknown`."""
        verdict = self.verdict
        return {
            "file": self.file,
            "connection_id": self.connection_id,
            "messages": self.messages,
            "windows": verdict.windows,
            "verdict": verdict.exchange,
            "certainty": verdict.certainty,
            "probability": verdict.probability,
            "strength_nats": verdict.strength_millinats / 1000,
            "certain_after_messages": verdict.certain_after_messages,
            "since_message": None if verdict.since_window is None else WINDOW_SLIDE * verdict.since_window,
            "fingerprint": self.fingerprint,
            "windows_by_class": self.windows_by_class,
            "events": [_event(change) for change in verdict.changes],
        }

    def window_summaries(self) -> list[dict[str, Any]]:
        """Lay out each window as one JSON object."""
        rows = [{str(name): value for name, value in row.items()} for row in self.rows.to_dict("records")]
        shared = {"file": self.file, "connection_id": self.connection_id}
        return [{**shared, **row, "probabilities": orjson.loads(row["probabilities"])} for row in rows]


def _event(change: VerdictChange) -> dict[str, Any]:
    """Lay out a change of the verdict, as a row of `connection_events` has it."""
    return {
        "previous_verdict": change.previous,
        "verdict": change.exchange,
        "since_message": WINDOW_SLIDE * change.since_window,
        "messages": messages_at(change.window),
        "windows": change.suffix_windows,
        "strength_nats": change.strength_millinats / 1000,
        "probability": change.probability,
    }


def score_capture(parts: Sequence[Path], predictor: Predictor) -> ScoredCapture:
    """Score every window of a recording, whatever the number of its parts, and add them up."""
    session = read_capture(parts)
    windows = session_windows(session)
    scores = score_windows(windows, predictor)
    offsets = slide(np.arange(len(session)))
    rows = score_rows(windows, offsets, scores, predictor.model_version)[list(SCORE_COLUMNS)]
    rows.insert(1, "last_offset", offsets[:, -1])
    return ScoredCapture(
        file=", ".join(map(str, parts)),
        connection_id=session.connection_id,
        messages=len(session),
        verdict=verdict_of(scores, predictor),
        fingerprint=fingerprint_of(scores.features),
        windows_by_class={name: int(np.count_nonzero(scores.predicted == name)) for name in scores.classes},
        rows=rows,
    )


def verdict_of(scores: Scores, predictor: Predictor) -> ConnectionVerdict:
    """Add up all windows of one connection, in order, as the job does row by row."""
    return connection_verdict(evidence_millinats(scores.probabilities), predictor.decision_rule, predictor.classes)


def fingerprint_of(features: Float64Array) -> str | None:
    """Describe a connection's behaviour by its last windows; None if it has none."""
    if not len(features):
        return None
    last = traits(features)[-HISTORY:]
    (text,) = fingerprints(pool(last[None], np.array([len(last)])))
    return str(text)
