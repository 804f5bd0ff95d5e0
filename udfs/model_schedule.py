"""Which model scores which window: a function of its place in the topic, so that reading again changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from udfs.explanations import Explainer
from udfs.rows import explanations
from udfs.schema import Float64Array, Int64Array, Windows
from udfs.scoring import Predictor, score_windows
from udfs.window_records import record_rows

Objects = NDArray[np.object_]


@dataclass(frozen=True, kw_only=True)
class Activation:
    """From some offsets on, another model scores.

    Attributes
    ----------
    model_version : str
        Its name.
    from_offsets : tuple of int
        By partition: the model scores the windows whose last message has this offset or a later one. A partition that
        is not listed is scored from its beginning.
    """

    model_version: str
    from_offsets: tuple[int, ...] = ()

    def begins(self, partition: int) -> int:
        """Return the offset of the first window's last message that it scores in a partition."""
        return self.from_offsets[partition] if partition < len(self.from_offsets) else 0


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The activations of a topic in their order; the first one has no offsets."""

    activations: tuple[Activation, ...]

    def versions_at(self, partitions: Int64Array, last_offsets: Int64Array) -> Objects:
        """Name the model of each window.

        Parameters
        ----------
        partitions, last_offsets : (n_windows,) int64
            Where its last message is.

        >>> swap = (Activation(model_version="a"), Activation(model_version="b", from_offsets=(100, 7)))
        >>> Schedule(activations=swap).versions_at(np.array([0, 0, 1, 2]), np.array([99, 100, 8, 3]))
        array(['a', 'b', 'b', 'b'], dtype=object)
        """
        chosen = np.zeros(len(partitions), dtype=np.int64)
        n_partitions = int(partitions.max(initial=-1)) + 1
        for index, activation in enumerate(self.activations):
            begins = np.zeros(max(n_partitions, len(activation.from_offsets)), dtype=np.int64)
            begins[: len(activation.from_offsets)] = activation.from_offsets
            chosen[last_offsets >= begins[partitions]] = index
        names: Objects = np.array([a.model_version for a in self.activations], dtype=object)[chosen]
        return names

    def versions_from(self, offsets: Mapping[int, int]) -> list[str]:
        """Name the models that score a window whose last message has one of these offsets or a later one.

        Parameters
        ----------
        offsets : mapping of int to int
            By partition; none means every model.

        >>> swap = (Activation(model_version="a"), Activation(model_version="b", from_offsets=(100, 7)))
        >>> [Schedule(activations=swap).versions_from({0: offset}) for offset in (99, 100)]
        [['a', 'b'], ['b']]
        """
        names: dict[str, None] = {}
        for index, activation in enumerate(self.activations):
            later = self.activations[index + 1 :]
            for partition, offset in offsets.items():
                ends = min((other.begins(partition) for other in later), default=None)
                if ends is None or max(offset, activation.begins(partition)) < ends:
                    names[activation.model_version] = None
        return list(names) if offsets else [activation.model_version for activation in self.activations]


class Models(Protocol):
    """What a job needs of the models that score its topic."""

    def schedule(self) -> Schedule:
        """Return the schedule as it is now; wait while it is being changed."""

    def still_holds(self, schedule: Schedule) -> bool:
        """Tell whether what was scored by this schedule may be handed on."""

    def predictor(self, model_version: str) -> Predictor:
        """Return a model of the schedule."""

    def explainer(self, model_version: str) -> Explainer:
        """Return what explains that model's verdicts."""


def score_scheduled(windows: Windows, offsets: Int64Array, partitions: Int64Array, models: Models) -> pd.DataFrame:
    """Score a batch of windows, each by its model: rows as `udfs.window_records.record_rows` lays them out.

    Parameters
    ----------
    windows : Windows
        The batch.
    offsets : (n_windows, WINDOW_SIZE) int64
        Kafka offset of each message.
    partitions : (n_windows,) int64
        Where the window comes from.
    models : Models
        Of the topic.
    """

    def score(version: str, chosen: Int64Array) -> pd.DataFrame:
        predictor = models.predictor(version)
        part = windows if len(chosen) == len(windows) else windows.take(chosen)
        return record_rows(score_windows(part, predictor), predictor)

    while True:
        schedule = models.schedule()
        rows = by_version(schedule.versions_at(partitions, offsets[:, -1]), score)
        if models.still_holds(schedule):
            return rows


def explain_scheduled(
    features: Float64Array, verdicts: Objects, declared: Objects, versions: Objects, models: Models
) -> pd.Series[str]:
    """Explain n alerts as `udfs.rows.explanations` does, each by its model; None for what is no alert."""

    def explain(version: str, chosen: Int64Array) -> pd.DataFrame:
        model, explainer = models.predictor(version), models.explainer(version)
        claims = declared[chosen].tolist()
        texts = explanations(features[chosen], verdicts[chosen].tolist(), claims, model, explainer)
        return pd.DataFrame({"reasons": texts}, dtype=object)

    return by_version(versions, explain)["reasons"]


def by_version(versions: Objects, compute: Callable[[str, Int64Array], pd.DataFrame]) -> pd.DataFrame:
    """Compute the rows of each model version together, and return them in the order that they were in.

    Parameters
    ----------
    versions : (n,) names, at least one
    compute : callable
        Takes a version and the indices that are its, and returns a row for each.
    """
    if (versions == versions[0]).all():
        return compute(versions[0], np.arange(len(versions)))
    codes, names = pd.factorize(versions)
    groups = [np.flatnonzero(codes == code) for code in range(len(names))]
    parts = [compute(name, chosen) for name, chosen in zip(names, groups, strict=True)]
    return pd.concat(parts, ignore_index=True).iloc[np.argsort(np.concatenate(groups))].reset_index(drop=True)
