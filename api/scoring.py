"""What a scoring process does: bodies of requests in, bodies of answers out, by the functions of the job."""

from __future__ import annotations

import logging
import os
import signal
import threading
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import wait
from multiprocessing.process import parent_process
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd

from api.requests import read_session, read_windows
from jobs.reference.connection_explanation import explain_connection
from jobs.reference.scored_captures import score_session
from jobs.reference.scored_windows import score_batch
from model.artifact.artifact_folder import BoosterPredictor, load_predictor
from udfs.schema import WINDOW_COLUMNS, WINDOW_SIZE, Windows

_MOST_MODELS: Final = 4

_OF_WINDOW: Final = (
    *("first_offset", "last_offset", "window_start_at", "window_end_at"),
    *("predicted_exchange", "confidence", "unknown_score", "probabilities", "signature"),
)


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """Where a model is that may score.

    Attributes
    ----------
    folder : Path
        Of the artifact.
    false_unknown_rate : float
        Share of a known exchange's windows that may be called unknown.
    is_tried : bool
        Whether its booster has been tried already.
    """

    folder: Path
    false_unknown_rate: float
    is_tried: bool


def begin(source: ModelSource) -> None:
    """Get a scoring process ready: it ends with the one that asks, and not by signals that are meant for that one."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    logging.getLogger("ingest").setLevel(logging.ERROR)  # a frame that is not understood is the caller's business
    threading.Thread(target=_end_with_parent, daemon=True).start()
    load(source)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def load(source: ModelSource) -> str:
    """Load a model, let it score a window, which takes longer the first time, and return its version."""
    predictor = _predictor(source)
    idle = np.zeros((1, WINDOW_SIZE), dtype=np.int64)
    score_batch(Windows(**dict.fromkeys(WINDOW_COLUMNS, idle)), idle, predictor)
    return predictor.model_version


@lru_cache(maxsize=_MOST_MODELS)
def _predictor(source: ModelSource) -> BoosterPredictor:
    return load_predictor(source.folder, source.false_unknown_rate, is_tried=source.is_tried)


def answer_score(body: bytes, source: ModelSource, with_windows: bool, with_explanation: bool) -> tuple[bytes, int]:
    """Answer POST /v1/score: the verdict, windows and reasons if they are asked for; and how many windows there are."""
    session, predictor = read_session(body), _predictor(source)
    scored = score_session(session, predictor)
    summary = scored.summary()
    del summary["file"]
    answer: dict[str, Any] = {
        **summary,
        "is_mismatch": scored.is_mismatch,
        "model_version": predictor.model_version,
        "window_scores": _window_scores(scored.rows) if with_windows else None,
        "explanation": None,
    }
    if with_explanation:
        answer["explanation"] = explain_connection(scored.standing(), scored.last_windows, predictor).facts()
    return _dump(answer), len(scored.rows)


def answer_windows(body: bytes, source: ModelSource) -> tuple[bytes, int]:
    """Answer POST /v1/windows: the scores of each window; and how many there are."""
    windows, predictor = read_windows(body), _predictor(source)
    places = np.arange(windows.recv_ts_ns.size, dtype=np.int64).reshape(windows.recv_ts_ns.shape)
    _, rows = score_batch(windows, places, predictor)
    return _dump({"model_version": predictor.model_version, "window_scores": _window_scores(rows)}), len(windows)


def _window_scores(rows: pd.DataFrame) -> list[dict[str, Any]]:
    columns = {name: rows[name].tolist() for name in _OF_WINDOW}
    columns["probabilities"] = [orjson.Fragment(text) for text in columns["probabilities"]]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _dump(answer: dict[str, Any]) -> bytes:
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
