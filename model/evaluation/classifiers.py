"""The model with its judge, and the plain classifier that it is compared with, as namers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.evaluation.predictions import CERTAIN, LIKELY, UNDECIDED, Opinion, last_windows
from model.training.boosting import Grown, window_weights
from model.training.calibration import refusal_thresholds
from model.training.calibrator import Judge
from model.training.dataset import Dataset, concatenate
from udfs.current_verdict import ConnectionVerdict, connection_verdict
from udfs.schema import UNKNOWN, Float64Array, Int64Array
from udfs.scoring import window_verdicts
from udfs.verdicts import (
    HISTORY,
    PROBABILITY_DECIMALS,
    DecisionRule,
    evidence_millinats,
    running_decisions,
    running_leads,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedBooster:
    """The model: a booster and the judge of its probabilities."""

    grown: Grown
    judge: Judge

    def opine(self, dataset: Dataset, false_unknown_rate: float) -> Opinion:
        """Name everything as the job would."""
        classes = self.judge.classes
        probabilities = self._probabilities(dataset)
        evidence = evidence_millinats(probabilities)
        unknown = classes.index(UNKNOWN)
        standing, certainty, since = np.zeros((3, len(probabilities)), dtype=np.int64)
        verdict_probabilities, scores = np.full((2, len(dataset.sources)), np.nan)
        for session, rows in _slices(dataset):
            own = evidence[rows]
            verdict = connection_verdict(own, self.judge.decision, classes)
            standing[rows], certainty[rows], since[rows] = follow(own, verdict, self.judge.decision, classes)
            verdict_probabilities[session] = verdict.probability
            scores[session] = running_leads(own)[-1, min(len(own), HISTORY) - 1, unknown]
        return Opinion(
            classes=classes,
            probabilities=probabilities,
            windows=self._windows(probabilities, false_unknown_rate),
            unknown_scores=probabilities[:, unknown],
            standing=standing,
            certainty=certainty,
            since=since,
            verdict_probabilities=verdict_probabilities,
            connection_scores=scores,
        )

    def refuse(self, dataset: Dataset, rates: Sequence[float]) -> NDArray[np.bool_]:
        """Say which windows are called unknown at each rate."""
        probabilities, unknown = self._probabilities(dataset), self.judge.classes.index(UNKNOWN)
        return np.array([self._windows(probabilities, rate) == unknown for rate in rates])

    def _probabilities(self, dataset: Dataset) -> Float64Array:
        scaled = self.judge.scaling.apply(self.grown.predict(dataset.features))
        return np.round(scaled, PROBABILITY_DECIMALS)

    def _windows(self, probabilities: Float64Array, false_unknown_rate: float) -> Int64Array:
        thresholds = refusal_thresholds(self.judge.refusal, self.judge.classes, false_unknown_rate)
        return window_verdicts(probabilities, self.judge.classes, thresholds).astype(np.int64)


def follow(
    evidence: Int64Array, verdict: ConnectionVerdict, rule: DecisionRule, classes: tuple[str, ...]
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Say what stood for a connection after each of its windows: what `connection_verdict` says of that many.

    Returns
    -------
    three of (n_windows,) int64
        `standing`, `certainty` and `since` of an `Opinion`.
    """
    leaning = running_decisions(evidence, rule).leaning
    standing = np.where(leaning >= 0, leaning, classes.index(UNKNOWN))
    certainty = np.where(leaning >= 0, LIKELY, UNDECIDED)
    since = np.full(len(evidence), -1)
    for change in verdict.changes:
        standing[change.window :] = classes.index(change.exchange)
        certainty[change.window :] = CERTAIN
        since[change.window] = change.since_window
    return standing, certainty, since


@dataclass(frozen=True, kw_only=True, eq=False)
class PlainBooster:
    """The plain classifier: a softmax over the known exchanges that refuses by the greatest probability.

    A connection's verdict is that of the mean of its windows' probabilities so far, and always certain.

    Attributes
    ----------
    window_scores, connection_scores : (n,) float64
        1 less the greatest probability, of held-out sessions of known exchanges, ascending: their quantiles are the
        thresholds.
    window_shares : (n,) float64
        How much of all windows, a session counting as any other, has at most this score.
    """

    grown: Grown
    window_scores: Float64Array
    window_shares: Float64Array
    connection_scores: Float64Array

    @classmethod
    def fitted(cls, grown: Grown, held_out: Dataset, raw: Float64Array) -> PlainBooster:
        """Take the thresholds from held-out sessions, of which those of strangers do not count."""
        known = np.isin(held_out.labels, grown.classes)
        raw, held_out = raw[known[held_out.session]], held_out.take(known)
        scores, weights = 1 - raw.max(axis=1), window_weights(held_out)
        order = np.argsort(scores, kind="stable")
        connection_scores = 1 - _running_means(raw, held_out)[last_windows(held_out)].max(axis=1)
        return cls(
            grown=grown,
            window_scores=scores[order],
            window_shares=np.cumsum(weights[order]) / weights.sum(),
            connection_scores=np.sort(connection_scores),
        )

    def opine(self, dataset: Dataset, false_unknown_rate: float) -> Opinion:
        """Name everything."""
        raw, unknown = self.grown.predict(dataset.features), len(self.grown.classes)
        connection_limit = float(np.quantile(self.connection_scores, 1 - false_unknown_rate, method="higher"))
        means = _running_means(raw, dataset)
        last = last_windows(dataset)
        connection_scores: Float64Array = np.full(len(dataset.sources), np.nan)
        connection_scores[dataset.session[last]] = 1 - means[last].max(axis=1)
        return Opinion(
            classes=(*self.grown.classes, UNKNOWN),
            probabilities=np.column_stack([raw, np.zeros(len(raw))]),
            windows=_refusing(raw, self._limit(false_unknown_rate), unknown),
            unknown_scores=1 - raw.max(axis=1),
            standing=_refusing(means, connection_limit, unknown),
            certainty=np.full(len(raw), CERTAIN),
            since=np.full(len(raw), -1),
            verdict_probabilities=1.0 - connection_scores,
            connection_scores=connection_scores,
        )

    def refuse(self, dataset: Dataset, rates: Sequence[float]) -> NDArray[np.bool_]:
        """Say which windows are called unknown at each rate."""
        scores = 1 - self.grown.predict(dataset.features).max(axis=1)
        return np.array([scores > self._limit(rate) for rate in rates])

    def _limit(self, false_unknown_rate: float) -> float:
        place = int(np.searchsorted(self.window_shares, 1 - false_unknown_rate))
        return float(self.window_scores[min(place, len(self.window_scores) - 1)])


def _refusing(probabilities: Float64Array, limit: float, unknown: int) -> Int64Array:
    refused = 1 - probabilities.max(axis=1) > limit
    return np.where(refused, unknown, probabilities.argmax(axis=1)).astype(np.int64)


def _running_means(raw: Float64Array, dataset: Dataset) -> Float64Array:
    """Average each session's windows up to each of them."""
    means = np.empty_like(raw)
    for _, rows in _slices(dataset):
        means[rows] = np.cumsum(raw[rows], axis=0) / np.arange(1, rows.stop - rows.start + 1)[:, None]
    return means


def _slices(dataset: Dataset) -> Sequence[tuple[int, slice]]:
    """List the rows of each session that has windows."""
    ends = last_windows(dataset) + 1
    starts = np.concatenate([[0], ends])
    return [
        (int(dataset.session[start]), slice(int(start), int(end))) for start, end in zip(starts, ends, strict=False)
    ]


def fit_plain(
    grown: Grown, fresh: Dataset, raw_fresh: Float64Array, recordings: Dataset, raw_left_out: Float64Array
) -> PlainBooster:
    """Fit the plain classifier's thresholds on what the model's judge is fitted on."""
    held_out = concatenate([fresh, recordings])
    return PlainBooster.fitted(grown, held_out, np.concatenate([raw_fresh, raw_left_out]))
