"""Scores a connection without Flink, by the same functions: what the job would write of it, window by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd

from ingest.recordings.capture import read_capture
from ingest.recordings.damage import TellDamage, log_damage
from jobs.reference.connection_explanation import LastWindows, Standing
from jobs.reference.scored_windows import score_batch
from udfs.current_verdict import CERTAIN, ConnectionVerdict, VerdictChange, connection_verdict, messages_at
from udfs.rows import as_stored, read_array_literal
from udfs.schema import WINDOW_SLIDE, Float64Array, Session
from udfs.scoring import Predictor, Scores
from udfs.signatures import pool, signatures, traits
from udfs.verdicts import HISTORY, evidence_millinats
from udfs.windows import count_windows, segments, session_windows, slide_segments


@dataclass(frozen=True, kw_only=True)
class ScoredCapture:
    """A recording's connection, or one whose messages are at hand, and its windows as rows of `window_scores`.

    The rows' `first_offset` and `last_offset` count its messages from 0.

    Attributes
    ----------
    verdicts : list of (int, ConnectionVerdict)
        For each segment that has a window: its first message, and its verdict. The last one stands.
    declared_exchange : str or None
        What the connection claims to be.
    last_windows : LastWindows
        Those by which its verdict is explained.
    """

    file: str
    connection_id: str
    messages: int
    verdicts: list[tuple[int, ConnectionVerdict]]
    signature: str | None
    windows_by_class: dict[str, int]
    rows: pd.DataFrame
    declared_exchange: str | None
    last_windows: LastWindows

    @property
    def is_mismatch(self) -> bool:
        """Tell whether it is certain to be another known exchange than it claims, or an unknown venue."""
        is_other = self.declared_exchange not in (None, self.verdict.exchange)
        return is_other and self.verdict.certainty == CERTAIN

    def standing(self) -> Standing:
        """Lay out what there is to explain."""
        verdict = self.verdict
        return Standing(
            connection_id=self.connection_id,
            declared_exchange=self.declared_exchange,
            verdict=verdict.exchange,
            certainty=verdict.certainty,
            probability=verdict.probability,
            strength_nats=verdict.strength_millinats / 1000,
            windows=verdict.windows,
            messages=self.messages,
            certain_after_messages=verdict.certain_after_messages,
            previous_verdict=verdict.previous,
        )

    @property
    def verdict(self) -> ConnectionVerdict:
        """What stands for the connection."""
        return self.verdicts[-1][1]

    def summary(self) -> dict[str, Any]:
        """Lay out the connection as one JSON object; a connection without a complete window is `unknown`."""
        first, verdict = self.verdicts[-1]
        return {
            "file": self.file,
            "connection_id": self.connection_id,
            "messages": self.messages,
            "declared_exchange": self.declared_exchange,
            "windows": verdict.windows,
            "verdict": verdict.exchange,
            "certainty": verdict.certainty,
            "probability": verdict.probability,
            "strength_nats": verdict.strength_millinats / 1000,
            "certain_after_messages": verdict.certain_after_messages,
            "since_message": None if verdict.since_window is None else first + WINDOW_SLIDE * verdict.since_window,
            "signature": self.signature,
            "windows_by_class": self.windows_by_class,
            "events": [_event(change, start) for start, one in self.verdicts for change in one.changes],
        }

    def window_summaries(self) -> list[dict[str, Any]]:
        """Lay out each window as one JSON object."""
        rows = [{str(name): value for name, value in row.items()} for row in self.rows.to_dict("records")]
        shared = {"file": self.file, "connection_id": self.connection_id}
        return [
            {
                **shared,
                **row,
                "probabilities": orjson.loads(row["probabilities"]),
                "features": read_array_literal(row["features"]),
            }
            for row in rows
        ]


def _event(change: VerdictChange, first_message: int) -> dict[str, Any]:
    """Lay out a change of the verdict, as a row of `connection_events` has it."""
    return {
        "previous_verdict": change.previous,
        "verdict": change.exchange,
        "since_message": first_message + WINDOW_SLIDE * change.since_window,
        "messages": messages_at(change.window),
        "windows": change.suffix_windows,
        "strength_nats": change.strength_millinats / 1000,
        "probability": change.probability,
    }


def score_capture(
    parts: Sequence[Path],
    predictor: Predictor,
    *,
    declared_exchange: str | None = None,
    tell: TellDamage = log_damage,
) -> ScoredCapture:
    """Score every window of a recording, whatever the number of its parts, and add them up.

    What it declares changes no score. Errors, and what `tell` is told, as in `read_capture`.
    """
    session = read_capture(parts, declared_exchange=declared_exchange, tell=tell)
    return score_session(session, predictor, file=", ".join(map(str, parts)))


def score_session(session: Session, predictor: Predictor, *, file: str = "") -> ScoredCapture:
    """Score every window of a connection's messages, and add them up; `file` says where they come from."""
    pieces = segments(session.recv_ts_ns)
    scores, rows = score_batch(session_windows(session), slide_segments(np.arange(len(session)), pieces), predictor)
    verdicts, last = _of_segments(scores, pieces, predictor)
    chosen = LastWindows.chosen(
        as_stored(scores.features[last]).astype(np.float64),
        scores.probabilities[last],
        rows[["first_offset", "last_offset"]].to_numpy(dtype=np.int64)[last],
        since=verdicts[-1][1].since_window,
    )
    return ScoredCapture(
        file=file,
        connection_id=session.connection_id,
        messages=len(session),
        verdicts=verdicts,
        signature=signature_of(scores.features[last]),
        windows_by_class={name: int(np.count_nonzero(scores.predicted == name)) for name in scores.classes},
        rows=rows,
        declared_exchange=session.declared_exchange,
        last_windows=chosen,
    )


def _of_segments(
    scores: Scores, parts: Sequence[slice], predictor: Predictor
) -> tuple[list[tuple[int, ConnectionVerdict]], slice]:
    """Judge each segment that has a window, or none of them all; return also which windows the last one has."""
    ends = np.cumsum([count_windows(part.stop - part.start) for part in parts])
    found = [(part.start, slice(*bounds)) for part, bounds in zip(parts, pairwise([0, *ends.tolist()]), strict=True)]
    found = [(first, windows) for first, windows in found if windows.start < windows.stop] or [(0, slice(0, 0))]
    judged = [(first, _judge(scores.probabilities[windows], predictor)) for first, windows in found]
    return judged, found[-1][1]


def verdict_of(scores: Scores, predictor: Predictor) -> ConnectionVerdict:
    """Add up all windows of one segment of a connection, in order, as the job does row by row."""
    return _judge(scores.probabilities, predictor)


def _judge(probabilities: Float64Array, predictor: Predictor) -> ConnectionVerdict:
    return connection_verdict(evidence_millinats(probabilities), predictor.decision_rule, predictor.classes)


def signature_of(features: Float64Array) -> str | None:
    """Describe a connection's behaviour by its last windows; None if it has none."""
    if not len(features):
        return None
    last = traits(features)[-HISTORY:]
    (text,) = signatures(pool(last[None], np.array([len(last)])))
    return str(text)
