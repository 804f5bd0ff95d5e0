"""One connection in, what it behaves like out: by the functions that the job, `score` and `explain` call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import count
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pandas as pd

from exchange_fingerprint.own_packages import within_reach

with within_reach():
    from ingest.frame import Frame
    from ingest.kafka.message_json import decode
    from ingest.kafka.record_validity import wrong_field
    from ingest.recordings.capture import session_of_frames, wrong_frame
    from ingest.recordings.capture_files import find_recordings
    from jobs.reference.connection_explanation import ConnectionExplanation, explain_connection
    from jobs.reference.scored_captures import ScoredCapture, score_capture, score_session
    from model.artifact.artifact_folder import BoosterPredictor, load_predictor
    from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT, artifact_folder
    from udfs.errors import SchemaError
    from udfs.features import FEATURES
    from udfs.schema import Session

Item = Mapping[str, Any] | Frame
"""A message of the topic's form, or a frame as a capture's line has it or as `ingest.frame.Frame`."""

DEFAULT_ID: Final = "connection"
"""The connection_id of frames and rows that have none."""

_MOST_EXACT: Final = 2.0**53
"""Up to here each integer is a float, too."""


class Scored:
    """What a connection behaves like, and why.

    Parameters
    ----------
    capture : ScoredCapture
        Its windows and verdict.
    predictor : BoosterPredictor
        The model that scored it.

    Examples
    --------
    >>> found = score("examples/recordings/kraken-2.jsonl.gz", declared="kraken")
    >>> found.exchange, found.certainty, found.is_mismatch
    ('coinbase', 'certain', True)
    >>> found.reasons["text"][0][:60]
    'the 10th percentile of the message sizes is 132 bytes; coinb'
    """

    def __init__(self, capture: ScoredCapture, predictor: BoosterPredictor) -> None:
        self._capture, self._predictor = capture, predictor

    @property
    def exchange(self) -> str:
        """The verdict: one of the model's classes, `unknown` among them."""
        return self._capture.verdict.exchange

    @property
    def certainty(self) -> str:
        """`certain`, `likely` or `undecided`; a connection without a complete window is undecided."""
        return self._capture.verdict.certainty

    @property
    def probability(self) -> float:
        """That the verdict is right, 0 to 1."""
        return self._capture.verdict.probability

    @property
    def signature(self) -> str | None:
        """A short description of the behaviour in the last 16 windows; None without a window."""
        return self._capture.signature

    @property
    def is_mismatch(self) -> bool:
        """Whether it is certain to be another than it declares."""
        return self._capture.is_mismatch

    @cached_property
    def summary(self) -> dict[str, Any]:
        """All that `fingerprint score --format json` says of it."""
        return self._capture.summary()

    @cached_property
    def windows(self) -> pd.DataFrame:
        """The scores, a row a window.

        `first_offset` and `last_offset` count its messages from 0; then `window_start_at`, `window_end_at`,
        `predicted_exchange`, `confidence`, `unknown_score`, `signature`, `model_version`, and for each class its
        probability.
        """
        summaries = self._capture.window_summaries()
        columns = [name for name in self._capture.rows if name not in ("probabilities", "features")]
        rows = self._capture.rows[columns].copy()
        for name in ("window_start_at", "window_end_at"):
            rows[name] = pd.to_datetime(rows[name], utc=True, format="ISO8601")
        for name in self._predictor.classes:
            rows[name] = [summary["probabilities"][name] for summary in summaries]
        return rows

    @cached_property
    def features(self) -> pd.DataFrame:
        """What the windows were scored by, a row a window, with six decimals; NaN where it is not defined."""
        rows = [summary["features"] for summary in self._capture.window_summaries()]
        return pd.DataFrame(rows, columns=[feature.name for feature in FEATURES], dtype=np.float64)

    @cached_property
    def explanation(self) -> ConnectionExplanation:
        """What `fingerprint explain` says of it."""
        return explain_connection(self._capture.standing(), self._capture.last_windows, self._predictor)

    @property
    def reasons(self) -> pd.DataFrame:
        """Why the verdict and not the class `against`, a row a reason, the weightiest first.

        Columns: `against`, `kind` (declared, runner-up or nearest known), `contribution_nats` (below 0 speaks for the
        other), `feature`, `value` and `text`.
        """
        rows = [
            {"against": contrast.against, "kind": contrast.kind, **reason}
            for contrast in self.explanation.contrasts
            for reason in contrast.explanation["reasons"]
        ]
        return pd.DataFrame(rows, columns=["against", "kind", "contribution_nats", "feature", "value", "text"])

    def __repr__(self) -> str:
        name, windows = self._capture.connection_id, len(self._capture.rows)
        return f"<Scored {name!r}: {self.exchange}, {self.certainty}, {windows} windows, {self.signature}>"


def score(
    source: str | Path | pd.DataFrame | Iterable[Item],
    *,
    model: str | Path = DEFAULT_ARTIFACT,
    declared: str | None = None,
) -> Scored:
    """Score one connection.

    Parameters
    ----------
    source : path, DataFrame, or iterable
        A recording; or a table with a row a message and the columns of the topic's form, of which `recv_ts_ns` and
        `msg_type` are needed; or messages of that form as dicts; or frames, as `ingest.frame.Frame` or dicts with
        `ts_ns`, `dir` and `frame`. All of one connection, in the order of arrival.
    model : path or str
        Folder of a model artifact, or `catalogue`.
    declared : str, optional
        What the connection claims to be; else what its last message declares. It changes no score.

    Raises
    ------
    SchemaError
        If there is nothing, a message is none by the topic's rule, or there is more than one connection.
    ConfigError, ArtifactError
        If a file cannot be opened, or a model not be loaded.
    """
    predictor = _predictor(artifact_folder(Path(model)))
    if isinstance(source, str | Path):
        recordings = find_recordings([Path(source)])
        if len(recordings) != 1:
            raise SchemaError(f"Expected one recording, found {len(recordings)} in {source}: score each of them")
        return Scored(score_capture(recordings[0], predictor, declared_exchange=declared), predictor)
    return Scored(score_session(_session(source, declared), predictor), predictor)


@lru_cache(maxsize=4)
def _predictor(folder: Path) -> BoosterPredictor:
    return load_predictor(folder)


def _session(source: pd.DataFrame | Iterable[Item], declared: str | None) -> Session:
    items = _records(source) if isinstance(source, pd.DataFrame) else list(source)
    if not items:
        raise SchemaError("Expected messages or frames of a connection, found none: leave it out")
    if isinstance(items[0], Frame) or "frame" in items[0]:
        return session_of_frames(map(_frame, count(), items), DEFAULT_ID, declared)
    return decode(
        _checked([{"connection_id": DEFAULT_ID, **cast(Mapping[str, Any], item)} for item in items], declared)
    )


def _frame(number: int, item: Item) -> Frame:
    if isinstance(item, Frame):
        return item
    reason = wrong_frame(item)
    if reason is not None:
        raise SchemaError(
            f"Expected frames as a capture has them, found in frame {number}, from 0, {reason}: correct it"
        )
    return Frame(item["ts_ns"], item["dir"], item["frame"])


def _checked(messages: Sequence[dict[str, Any]], declared: str | None) -> Sequence[dict[str, Any]]:
    for number, message in enumerate(messages):
        reason = wrong_field(message)
        if reason is not None:
            raise SchemaError(
                f"Expected messages of the topic's form, found in message {number}, from 0, {reason}: correct it"
            )
    names = {message["connection_id"] for message in messages}
    if len(names) > 1:
        raise SchemaError(
            f"Expected messages of one connection, found {len(names)}: score each of them, by groupby say"
        )
    if declared is not None:
        messages = [*messages[:-1], {**messages[-1], "declared_exchange": declared}]
    return messages


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Turn rows into messages: what is missing becomes None, and no number is changed."""
    columns = {str(name): _values(str(name), frame[name]) for name in frame.columns}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _values(name: str, column: pd.Series[Any]) -> list[Any]:
    missing = column.isna()
    if column.dtype.kind == "f":
        there = column[~missing].to_numpy(dtype=np.float64)
        if np.any(np.abs(there) >= _MOST_EXACT):
            raise SchemaError(
                f"Expected integers in the column {name}, found {column.dtype}, which has lost the last digits of what "
                'is there: make it "Int64" or object before, which may be missing too'
            )
        if np.all(there == np.rint(there)):
            column = column.astype("Int64")
    values = column.astype(object).tolist()
    return [None if is_missing else value for value, is_missing in zip(values, missing, strict=True)]
