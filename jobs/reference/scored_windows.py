"""The windows of one partition's messages, scored without Flink by the job's functions, many connections at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from udfs.features import FEATURES
from udfs.history import History
from udfs.model_schedule import Models, Schedule, by_version
from udfs.rows import SCORE_COLUMNS, read_array_literal, score_rows
from udfs.schema import WINDOW_COLUMNS, WINDOW_SIZE, Float64Array, Int64Array, Windows
from udfs.scoring import Predictor, Scores, score_windows
from udfs.signatures import traits
from udfs.verdicts import HISTORY, evidence_millinats

Objects = NDArray[np.object_]

NOWHERE: Final = -1
"""The index of what has not been."""

OF_WINDOW: Final = (
    "connection_id", "kafka_partition", "last_offset", "declared_exchange", "window_end_at", "model_version",
)  # fmt: skip
"""What the tables of verdicts and of events have of a window's row, the end by another name."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PartitionMessages:
    """The messages of one partition, connection by connection, those of a connection in arrival order.

    A segment is what a connection says between two idle gaps.

    Attributes
    ----------
    kafka_partition : int
        Where they come from.
    connection_ids : (n_segments,) str objects
        Whose segment it is; a connection's segments follow one another.
    lengths : (n_segments,) int64
        Messages of each.
    columns : (n_messages,) int64 by name
        Those of `udfs.windows.WIRE_COLUMNS`, and `prev_seq`.
    declared : (n_messages,) str objects or None
        The exchange that each message declares.
    """

    kafka_partition: int
    connection_ids: Objects
    lengths: Int64Array
    columns: dict[str, Int64Array]
    declared: Objects


@dataclass(frozen=True, kw_only=True, eq=False)
class Past:
    """All windows of a partition, as their runs remember them.

    Attributes
    ----------
    segment_first : (n_windows,) int64
        Index of the first window of each one's segment.
    first : (n_windows,) int64
        Index of the first window of each one's run: what one model scored of the segment.
    rows : n_windows rows
        What later tables need of their rows.
    features, evidence, traits, window_start_ns
        As in `udfs.history`; a model of fewer classes than another leaves the last columns of its evidence 0.
    """

    segment_first: Int64Array
    first: Int64Array
    rows: pd.DataFrame
    features: Float64Array
    evidence: Int64Array
    traits: Int64Array
    window_start_ns: Int64Array

    def history(self, windows: Int64Array, n_classes: int) -> History:
        """Lay out the last windows of each of these windows' runs, which one model of so many classes scored."""
        looked_at = windows[:, np.newaxis] - np.arange(HISTORY - 1, -1, -1)
        is_real = looked_at >= self.first[windows, np.newaxis]

        def look(values: Int64Array) -> Int64Array:
            found: Int64Array = values[np.maximum(looked_at, 0)]
            found[~is_real] = 0
            return found

        return History(
            n_windows=is_real.sum(axis=1),
            window_start_ns=look(self.window_start_ns),
            first_offset=look(self.rows["first_offset"].to_numpy()),
            evidence=look(self.evidence[:, :n_classes]),
            traits=look(self.traits),
        )

    def latest(self, happens: NDArray[np.bool_]) -> Int64Array:
        """Find, for each window, the latest one of its run at which something happens, itself included."""
        found = np.maximum.accumulate(np.where(happens, np.arange(len(happens)), NOWHERE))
        latest: Int64Array = np.where(found >= self.first, found, NOWHERE)
        return latest

    def is_first(self, happens: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Say at which windows something happens for the first time in their run."""
        counts = np.cumsum(happens)
        is_first: NDArray[np.bool_] = happens & (counts - counts[self.first] + happens[self.first] == 1)
        return is_first

    def before(self, values: Objects) -> Objects:
        """Give each window the value of the one before it in its run, None to the first."""
        is_first = self.first == np.arange(len(values))
        shifted = np.roll(values, 1)
        shifted[is_first] = None
        return shifted


def score_batch(windows: Windows, offsets: Int64Array, predictor: Predictor) -> tuple[Scores, pd.DataFrame]:
    """Score windows, and lay them out as rows of `window_scores` without what says whose they are."""
    scores = score_windows(windows, predictor)
    rows = score_rows(windows, offsets, scores, predictor.model_version)[list(SCORE_COLUMNS)]
    rows.insert(1, "last_offset", offsets[:, -1])
    return scores, rows


def score_partition_batch(
    messages: PartitionMessages, starts: Int64Array, chosen: slice, models: Models, schedule: Schedule
) -> tuple[pd.DataFrame, Past]:
    """Score some of a partition's windows: their rows of `window_scores`, and what is remembered of them.

    Parameters
    ----------
    messages : PartitionMessages
        All of the partition.
    starts : (n_windows,) int64
        First message of every window.
    chosen : slice
        Which windows.
    models, schedule
        Of the topic.
    """
    places = starts[chosen, np.newaxis] + np.arange(WINDOW_SIZE)
    windows = Windows(**{name: messages.columns[name][places] for name in WINDOW_COLUMNS})
    offsets = messages.columns["kafka_offset"][places]
    versions = schedule.versions_at(np.full(len(offsets), messages.kafka_partition), offsets[:, -1])
    rows, features, evidence = _score_by_version(windows, offsets, versions, models)
    rows["probabilities"] = [orjson.loads(text) for text in rows["probabilities"]]
    rows["features"] = [read_array_literal(text) for text in rows["features"]]
    ends = np.cumsum(messages.lengths)
    segments = np.searchsorted(ends, places[:, 0], side="right")
    rows["connection_id"] = messages.connection_ids[segments]
    rows["kafka_partition"] = messages.kafka_partition
    rows["declared_exchange"] = messages.declared[places[:, -1]]
    segment_first = np.searchsorted(starts, (ends - messages.lengths)[segments])
    batch = Past(
        segment_first=segment_first,
        first=segment_first,
        rows=rows[[*OF_WINDOW, "first_offset", "window_start_at"]],
        features=features,
        evidence=evidence,
        traits=traits(features),
        window_start_ns=windows.recv_ts_ns.min(axis=1),
    )
    return rows, batch


def _score_by_version(
    windows: Windows, offsets: Int64Array, versions: Objects, models: Models
) -> tuple[pd.DataFrame, Float64Array, Int64Array]:
    """Score windows, each by its model: rows, features, and evidence as wide as that of the model of most classes."""
    n_classes = max(len(models.predictor(version).classes) for version in set(versions))
    features = np.empty((len(offsets), len(FEATURES)))
    evidence = np.zeros((len(offsets), n_classes), dtype=np.int64)

    def score(version: str, chosen: Int64Array) -> pd.DataFrame:
        part = windows.take(chosen)
        scores, rows = score_batch(part, offsets[chosen], models.predictor(version))
        features[chosen] = scores.features
        evidence[chosen, : len(scores.classes)] = evidence_millinats(scores.probabilities)
        return rows

    return by_version(versions, score), features, evidence


def join(batches: Sequence[Past]) -> Past:
    """Lay batches one after the other, and find the runs."""
    arrays = ("segment_first", "features", "traits", "window_start_ns")
    joined = {name: np.concatenate([getattr(batch, name) for batch in batches]) for name in arrays}
    rows = pd.concat([batch.rows for batch in batches], ignore_index=True)
    versions, indices = rows["model_version"].to_numpy(dtype=object), np.arange(len(rows))
    is_first = (joined["segment_first"] == indices) | np.append(True, versions[1:] != versions[:-1])
    n_classes = max(batch.evidence.shape[1] for batch in batches)
    padded = [np.pad(batch.evidence, ((0, 0), (0, n_classes - batch.evidence.shape[1]))) for batch in batches]
    first = np.maximum.accumulate(np.where(is_first, indices, 0))
    return Past(rows=rows, first=first, evidence=np.concatenate(padded), **joined)
