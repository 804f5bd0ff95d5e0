"""Scores a recording without Flink, by the same functions: what the job would write of it, window by window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd

from ingest.capture import read_capture
from udfs.rows import score_rows
from udfs.schema import UNKNOWN
from udfs.scoring import Predictor, Verdict, connection_verdict, score_windows
from udfs.windows import session_windows, slide


@dataclass(frozen=True, kw_only=True)
class ScoredCapture:
    """A recording's connection, and its windows as rows of `window_scores`.

    The rows' `first_offset` and `last_offset` count the recording's messages from 0.
    """

    file: str
    connection_id: str
    messages: int
    verdict: Verdict | None
    rows: pd.DataFrame

    def summary(self) -> dict[str, Any]:
        """Lay out the connection as one JSON object; a connection without a complete window is `unknown`."""
        verdict = self.verdict or Verdict(exchange=UNKNOWN, probability=0.0, windows_by_class={})
        return {
            "file": self.file,
            "connection_id": self.connection_id,
            "messages": self.messages,
            "windows": len(self.rows),
            "verdict": verdict.exchange,
            "probability": verdict.probability,
            "windows_by_class": verdict.windows_by_class,
        }

    def window_summaries(self) -> list[dict[str, Any]]:
        """Lay out each window as one JSON object."""
        rows = [{str(name): value for name, value in row.items()} for row in self.rows.to_dict("records")]
        shared = {"file": self.file, "connection_id": self.connection_id}
        return [{**shared, **row, "probabilities": orjson.loads(row["probabilities"])} for row in rows]


def score_capture(path: Path, predictor: Predictor) -> ScoredCapture:
    """Score every window of a recording."""
    session = read_capture(path)
    windows = session_windows(session)
    scores = score_windows(windows, predictor)
    offsets = slide(np.arange(len(session)))
    rows = score_rows(windows, offsets, scores, predictor.model_version)
    rows.insert(1, "last_offset", offsets[:, -1])
    return ScoredCapture(
        file=str(path),
        connection_id=session.connection_id,
        messages=len(session),
        verdict=connection_verdict(scores),
        rows=rows,
    )
